// protobuf-c: the runtime of the code generated from Protos/.
#pragma once
#include <protobuf-c/protobuf-c.h>
