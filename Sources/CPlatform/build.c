#include "CPlatform.h"

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

#if defined(NARTHEX_COMMIT)
const char *narthex_commit(void) { return TEXT(NARTHEX_COMMIT); }
// Compilers take it from SOURCE_DATE_EPOCH where that is set.
const char *narthex_build_date(void) { return __DATE__; }
#else
const char *narthex_commit(void) { return ""; }
const char *narthex_build_date(void) { return ""; }
#endif
