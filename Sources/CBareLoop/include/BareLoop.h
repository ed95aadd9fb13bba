// A yardstick: what libcurl itself takes for the scrapes of a fleet.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct narthex_bare_loop_result {
    // Whole pages of status 200 in the measured time.
    uint64_t pages;
    // Transfers of the measured time that ended otherwise, without those that are told to fail.
    uint64_t failures;
    // Bytes of their bodies, as they came.
    uint64_t bytes;
    // User and system time of the calling thread in the measured time.
    double cpu_seconds;
};

// Fetches each of `count` addresses once an interval, spread evenly over it, on the calling thread with one
// multi handle and connections that are kept, and throws the bodies away as they come. The first interval,
// which connects, is not measured; `seconds` after it are. `accept_encoding` is the header's value; NULL
// sends none. Nothing is inflated. The last `failing` addresses are told to answer with another status than
// 200, which is no failure of theirs. `goes_on` is asked with `context` at each turn, every half second at
// least: the loop ends before its time when it returns 0. Returns 0, or -1 when libcurl could not be set up.
int narthex_bare_loop(const char *const *urls, size_t count, size_t failing, double interval_seconds,
                      double seconds, const char *accept_encoding, int (*goes_on)(void *), void *context,
                      struct narthex_bare_loop_result *result);
