#include "CPlatform.h"

#include <features.h>

#ifndef __GLIBC__
#error "only glibc is known to give a constructor what main gets"
#endif

static int argument_count;
static char **argument_words;

// glibc calls a program's constructors with what it calls main with (call_init in csu/libc-start.c). The
// words stand on the stack of the process until it ends.
__attribute__((constructor)) static void keep_arguments(int count, char **words, char **environment) {
    (void)environment;
    argument_count = count;
    argument_words = words;
}

int narthex_argument_count(void) { return argument_count; }

const char *narthex_argument(int index) {
    return index >= 0 && index < argument_count ? argument_words[index] : 0;
}
