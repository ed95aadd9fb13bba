// What Swift cannot say itself: CPU instructions and variadic system calls.
#pragma once
#include <stddef.h>
#include <stdint.h>

// CRC-32C (Castagnoli, reflected 0x82F63B78) of `length` bytes, continued from `crc` (0 to begin).
// Uses SSE 4.2 or the ARMv8 CRC extension where the processor has it, a table elsewhere and where the
// variable NARTHEX_PORTABLE is set, so that tests can run on the portable path.
uint32_t narthex_crc32c(uint32_t crc, const void *bytes, size_t length);

// By which of these ways: "sse4.2", "armv8" or "table".
const char *narthex_crc32c_path(void);

// The words that main was called with, the program's name among them. A constructor keeps them before main.
int narthex_argument_count(void);

// One of them, valid until the process ends; null outside 0 ..< narthex_argument_count().
const char *narthex_argument(int index);

// open(2) with its variadic mode argument given. Returns a descriptor or -1 with errno set.
int narthex_open(const char *path, int flags, unsigned int mode);

// Reserves disk for the first `length` bytes and leaves the file's length as it is. 0, or -1 with errno set.
int narthex_reserve(int descriptor, uint64_t length);

// From now on SIGTERM, SIGINT and SIGHUP, and with `reaps_orphans` SIGCHLD in a process that adopts orphans,
// go to a pipe whose reading end is returned, whichever thread they reach; SIGPIPE and SIGXFSZ are ignored.
// With `keeps_ignored` a signal that is ignored already stays so. -1 with errno set when that cannot be
// arranged. To be called once.
int narthex_catch_signals(int keeps_ignored, int reaps_orphans);

// Waits for the next signal in that pipe. Its number, or -1 when the pipe cannot be read. Several of one kind
// that come before it is taken are one, as with the kernel itself; no other kind is lost by that.
int narthex_next_signal(int descriptor);

// Whether processes whose parent has ended become children of this one: 1 for process 1 of a container and
// for a "child subreaper" (prctl(2)), else 0.
int narthex_adopts_orphans(void);

// The process id of a child that has ended and was not waited for yet, and leaves its status there. Where
// `pid` is 0 that is any child, and 0 when none has ended; else it is this one, and the call waits for its
// end. -1 with errno set when there is no such child.
int narthex_ended_child(int pid);

// The commit that the program was built from and the day it was built ("Nov  9 2026"); empty where the
// builder did not say the commit. Both are static.
const char *narthex_commit(void);
const char *narthex_build_date(void);

// Whether the kernel takes its clock for synchronised (STA_UNSYNC of adjtimex(2) is not set): 1 or 0, or -1
// with errno set where it may not be asked. Changes nothing.
int narthex_clock_is_synchronised(void);

// Names the calling thread for ps and perf; at most 15 bytes are kept.
void narthex_name_thread(const char *name);

// Hands free heap pages back to the kernel (malloc_trim), after a large body was let go.
void narthex_trim_heap(void);

// Frees what malloc keeps for the calling thread alone, and gives back the end of its arena. `trim_threshold`
// is malloc's usual M_TRIM_THRESHOLD, which is another one meanwhile; 0 leaves the arena as it is. What it
// frees goes back with the next narthex_trim_heap. Begins a thread and waits for its end.
void narthex_rest_thread(int trim_threshold);

// Does so unless the calling thread has done it for the same number before; 0 stands as done. Whether it has.
int narthex_rest_thread_once(unsigned long long asked, int trim_threshold);

// Bytes that malloc has given out, mappings of their own among them, and bytes that it keeps free.
void narthex_heap_bytes(unsigned long long *allocated, unsigned long long *free);

// Limits glibc to `arenas` malloc arenas: each costs address space and fragments of its own.
void narthex_limit_arenas(int arenas);

// From now on malloc maps blocks of `bytes` and more on their own, so that freeing one gives its pages back.
void narthex_return_large_blocks(int bytes);

// Lets this process have as many open files as it may. How many these are, or -1 with errno set.
long narthex_raise_open_file_limit(void);

// Both ends of a pipe that children do not inherit. 0, or -1 with errno set.
int narthex_pipe(int ends[2]);

// Starts `words[0]`, looked for on PATH, as a process group of its own: standard input empty, standard output
// to `output`, standard error dropped, no other files open, no signal blocked or ignored. Both lists end with
// NULL. Its process id, or -1 with errno set.
int narthex_spawn(char *const words[], char *const environment[], int output);

// A Unix socket for datagrams, on which nothing waits and which children do not inherit; -1 with errno set.
int narthex_open_datagram(void);

// Sends `length` bytes as one datagram from such a socket to another. `address` is the other's path without a
// zero at the end, or begins with a zero for one of the abstract namespace; 1 to 108 bytes. 0, or -1 with
// errno set: EAGAIN when the receiver has no room for it now.
int narthex_send_datagram(int descriptor, const void *address, size_t address_length, const void *bytes,
                          size_t length);

// A name server at an IPv4 address, both numbers in the machine's order.
typedef struct {
    uint32_t address;
    uint16_t port;
} narthex_name_server;

// Asks for the records of `type` under `name`, with the search list, servers, time-outs and attempts of
// resolv.conf, and by TCP where the answer was cut. `count` servers take the place of resolv.conf's, asked
// twice, a second each. The DNS message goes to `answer`; its length is returned: 0 when there is no such
// name or no such record, -1 with `problem` set to an h_errno when nobody could say, -2 when resolv.conf
// could not be read. Blocks.
int narthex_dns_search(const char *name, int type, const narthex_name_server *servers, int count,
                       unsigned char *answer, int capacity, int *problem);
