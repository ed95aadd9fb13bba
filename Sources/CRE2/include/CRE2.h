// RE2 for C: compile a pattern, match it against a whole text. A compiled pattern may be used by any number
// of threads at once.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct narthex_regex narthex_regex;

// Compiles `length` bytes of UTF-8 in Perl's syntax as RE2 knows it. What RE2 keeps of it, program and
// automaton, stays near `max_bytes`; matching goes on more slowly when the automaton finds no room. NULL when
// the pattern is refused, with the reason in `reason` (cut to `reason_capacity`, always ended by a zero) and
// `*is_too_large` true when it only wants more room.
narthex_regex *narthex_regex_compile(
    const uint8_t *pattern, size_t length, int64_t max_bytes, char *reason, size_t reason_capacity,
    bool *is_too_large);

void narthex_regex_free(narthex_regex *regex);

// Groups in parentheses, the whole match not counted.
int32_t narthex_regex_group_count(const narthex_regex *regex);

// The number of the group of this name; -1 when there is none.
int32_t narthex_regex_group_named(const narthex_regex *regex, const uint8_t *name, size_t length);

// Whether the pattern is found in `length` bytes of UTF-8. Fills `range_count` pairs of start and end in
// `ranges` (the whole match, then the groups), -1 and -1 for a group that took no part. 32-bit offsets: the
// caller keeps texts below 2 GiB.
bool narthex_regex_match(
    const narthex_regex *regex, const uint8_t *text, size_t length, int32_t *ranges, int32_t range_count);

#ifdef __cplusplus
}
#endif
