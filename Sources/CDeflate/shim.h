// libdeflate: whole buffers of deflate, and CRC-32.
#pragma once
#include <libdeflate.h>
