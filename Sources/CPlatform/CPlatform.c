#define _GNU_SOURCE
#include "CPlatform.h"

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#if defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

static uint32_t table[256];
static int uses_instruction;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int has_instruction(void);

static void choose(void) {
    uses_instruction = has_instruction() && getenv("NARTHEX_PORTABLE") == NULL;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1u)));
        }
        table[i] = crc;
    }
}

static uint32_t crc_by_table(uint32_t crc, const uint8_t *p, size_t length) {
    while (length > 0) {
        crc = (crc >> 8) ^ table[(crc ^ *p++) & 0xFF];
        length--;
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *p,
                                                                     size_t length) {
    uint64_t wide = crc;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        wide = __builtin_ia32_crc32di(wide, word);
        p += 8;
        length -= 8;
    }
    crc = (uint32_t)wide;
    while (length > 0) {
        crc = __builtin_ia32_crc32qi(crc, *p++);
        length--;
    }
    return crc;
}
static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }
static const char instruction_name[] = "sse4.2";
#elif defined(__aarch64__)
__attribute__((target("+crc"))) static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *p,
                                                                   size_t length) {
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc = __crc32cd(crc, word);
        p += 8;
        length -= 8;
    }
    while (length > 0) {
        crc = __crc32cb(crc, *p++);
        length--;
    }
    return crc;
}
static int has_instruction(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
static const char instruction_name[] = "armv8";
#else
static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *p, size_t length) {
    return crc_by_table(crc, p, length);
}
static int has_instruction(void) { return 0; }
static const char instruction_name[] = "";
#endif

uint32_t narthex_crc32c(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    pthread_once(&once, choose);
    crc = ~crc;
    crc = uses_instruction ? crc_by_instruction(crc, p, length) : crc_by_table(crc, p, length);
    return ~crc;
}

const char *narthex_crc32c_path(void) {
    pthread_once(&once, choose);
    return uses_instruction ? instruction_name : "table";
}

int narthex_open(const char *path, int flags, unsigned int mode) { return open(path, flags, (mode_t)mode); }

int narthex_reserve(int descriptor, uint64_t length) {
    return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, (off_t)length);
}

static int signal_pipe[2] = {-1, -1};

// Which signals are in the pipe. Each is there once at most, so that the pipe is never full and none is lost,
// however many children end before anybody looks.
static atomic_int is_in_pipe[NSIG];
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may take no lock");

// Runs on whatever thread the signal reaches: only what signal-safety(7) allows.
static void pass_on(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    if (atomic_exchange(&is_in_pipe[number], 1) == 0) {
        ssize_t written = write(signal_pipe[1], &byte, 1);
        (void)written;
    }
    errno = saved;
}

int narthex_next_signal(int descriptor) {
    unsigned char byte = 0;
    ssize_t count;
    do {
        count = read(descriptor, &byte, 1);
    } while (count < 0 && errno == EINTR);
    if (count != 1 || byte >= NSIG) return -1;
    // Before it is acted upon: one that comes from now on is another one.
    atomic_store(&is_in_pipe[byte], 0);
    return byte;
}

int narthex_catch_signals(int keeps_ignored, int reaps_orphans) {
    if (pipe2(signal_pipe, O_CLOEXEC) != 0) {
        return -1;
    }
    if (fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK) != 0) {
        return -1;
    }
    struct sigaction action = {0};
    action.sa_handler = pass_on;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    action.sa_flags |= SA_NOCLDSTOP;
    // The last one only where processes become children that nobody here has started.
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    const int reaps = reaps_orphans && narthex_adopts_orphans();
    const size_t count = sizeof numbers / sizeof *numbers - (reaps ? 0 : 1);
    for (size_t i = 0; i < count; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) != 0) {
            return -1;
        }
        if (keeps_ignored && before.sa_handler == SIG_IGN) continue;
        if (sigaction(numbers[i], &action, NULL) != 0) {
            return -1;
        }
    }
    action.sa_handler = SIG_IGN;
    action.sa_flags = 0;
    // The second ends a process that writes beyond the limit on the size of files (RLIMIT_FSIZE, LimitFSIZE=
    // of systemd). With both ignored such writes fail, with EPIPE and EFBIG.
    if (sigaction(SIGPIPE, &action, NULL) != 0 || sigaction(SIGXFSZ, &action, NULL) != 0) {
        return -1;
    }
    return signal_pipe[0];
}

// The call itself, not glibc's function of this name: that one makes clock_adjtime of it, which the seccomp
// profiles of some container runtimes refuse where they let adjtimex pass.
int narthex_clock_is_synchronised(void) {
    struct timex state = {0};
    if (syscall(SYS_adjtimex, &state) < 0) return -1;
    return (state.status & STA_UNSYNC) == 0;
}

void narthex_name_thread(const char *name) {
    char kept[16] = {0};
    strncpy(kept, name, sizeof kept - 1);
    pthread_setname_np(pthread_self(), kept);
}

void narthex_trim_heap(void) { malloc_trim(0); }

void narthex_heap_bytes(unsigned long long *allocated, unsigned long long *free) {
    struct mallinfo2 all = mallinfo2();
    *allocated = all.uordblks + all.hblkhd;
    *free = all.fordblks;
}

void narthex_limit_arenas(int arenas) { mallopt(M_ARENA_MAX, arenas); }

void narthex_return_large_blocks(int bytes) {
    mallopt(M_MMAP_THRESHOLD, bytes);
    // Setting the one ends glibc's own choice of the other, which would be twice as much.
    mallopt(M_TRIM_THRESHOLD, 2 * bytes);
}

long narthex_raise_open_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return -1;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            limit.rlim_cur = before;
        }
    }
    return limit.rlim_cur > LONG_MAX ? LONG_MAX : (long)limit.rlim_cur;
}

int narthex_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int narthex_spawn(char *const words[], char *const environment[], int output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t pid = -1;
    int status = posix_spawn_file_actions_init(&actions);
    if (status != 0) {
        errno = status;
        return -1;
    }
    status = posix_spawnattr_init(&attributes);
    if (status != 0) {
        posix_spawn_file_actions_destroy(&actions);
        errno = status;
        return -1;
    }
    sigemptyset(&none);
    sigfillset(&all);
    status = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (status == 0) status = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (status == 0)
        status = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (status == 0) status = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    if (status == 0) status = posix_spawnattr_setsigmask(&attributes, &none);
    if (status == 0) status = posix_spawnattr_setsigdefault(&attributes, &all);
    if (status == 0) status = posix_spawnattr_setpgroup(&attributes, 0);
    if (status == 0)
        status = posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    if (status == 0) status = posix_spawnp(&pid, words[0], &actions, &attributes, words, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0) {
        errno = status;
        return -1;
    }
    return pid;
}
