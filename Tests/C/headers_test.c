// The faces on the system's C libraries compile for the machine that the tests are built for.
#include "CCrypto/shim.h"
#include "CCurl/shim.h"
#include "CDeflate/shim.h"
#include "CExpat/shim.h"
#include "CProtobufC/shim.h"
#include "CSnappy/shim.h"
#include "CYAML/shim.h"

_Static_assert(sizeof(void *) == 8, "a 64-bit machine");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the buffer's integers are little-endian");

int main(void) { return 0; }
