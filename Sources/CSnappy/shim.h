// libsnappy through its C face: the block format of remote write.
#pragma once
#include <snappy-c.h>
