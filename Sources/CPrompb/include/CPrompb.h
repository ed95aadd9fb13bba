// Every message of Protos/, for Swift. Written by script/generate-protos.
#pragma once
#include "remote_write_v1.pb-c.h"
#include "remote_write_v2.pb-c.h"
