// A disk that fails as it is told. Preloaded into one process, it counts the calls of that process that
// concern files below one directory, and lets some of them fail. parts/disk.py compiles it, and writes the
// rules while the process runs.
//
// FAULTY_DISK_DIRECTORY is the absolute path of the directory, FAULTY_DISK_CONTROL a file with one `struct
// control`, which both sides map.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

// In the order of Call in parts/disk.py.
enum call {
    OPEN_TO_READ,
    OPEN_TO_WRITE,
    WRITE,
    READ,
    SYNC,
    SYNC_DIRECTORY,
    TRUNCATE,
    ALLOCATE,
    RENAME,
    UNLINK,
    LIST,
    CALLS
};

// In the order of Kind in parts/disk.py; NOT_OURS lies outside the directory.
enum kind { NOT_OURS, SEGMENT, CURSOR, OTHER, DIRECTORY };

struct rule {
    uint32_t calls;  // a bit for each call that it concerns
    uint32_t kinds;  // a bit for each kind of file
    uint32_t chance; // of 65536
    uint32_t code;   // errno
    uint32_t keeps;  // of 256 parts of the bytes, so many are written or read before the fault
    uint32_t shape;  // 0: the call fails. 1: it is short, and the file's next write fails unless `code` is 0
};

enum { RULES = 8, FILES = 65536 };

struct control {
    uint64_t seed;
    _Atomic uint32_t active; // so many rules hold, from the first
    uint32_t unused;
    struct rule rules[RULES];
    _Atomic uint64_t seen[CALLS];
    _Atomic uint64_t failed[CALLS];
};

static struct control *control;
static const char *directory;
static size_t directory_length;
static _Atomic uint64_t turns;
static _Atomic uint8_t kinds[FILES];
static _Atomic uint16_t owed[FILES]; // the errno of the next write of a file that was short

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static DIR *(*real_opendir)(const char *);

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        fprintf(stderr, "faulty_disk: there is no %s\n", name);
        _exit(70);
    }
    return found;
}

// Other libraries may open files before this one's turn to begin has come.
#define REAL(name)                                                                                           \
    do {                                                                                                     \
        if (real_##name == NULL) *(void **)&real_##name = next(#name);                                       \
    } while (0)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTY_DISK_CONTROL");
    const char *where = getenv("FAULTY_DISK_DIRECTORY");
    if (path == NULL || where == NULL) return;
    REAL(open);
    REAL(close);
    int file = real_open(path, O_RDWR | O_CLOEXEC);
    void *mapped = file < 0 ? MAP_FAILED
                            : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0) real_close(file);
    if (mapped == MAP_FAILED) {
        fprintf(stderr, "faulty_disk: %s cannot be mapped\n", path);
        _exit(70);
    }
    directory = where;
    directory_length = strlen(where);
    control = mapped;
}

static enum kind kind_of_path(const char *path) {
    if (control == NULL || path == NULL || strncmp(path, directory, directory_length) != 0) return NOT_OURS;
    const char *rest = path + directory_length;
    if (rest[0] == 0) return DIRECTORY;
    if (rest[0] != '/') return NOT_OURS;
    const char *name = strrchr(rest, '/') + 1;
    if (name[0] == 0) return DIRECTORY;
    if (name[0] >= '0' && name[0] <= '9') return SEGMENT;
    return strncmp(name, "cursor-", 7) == 0 ? CURSOR : OTHER;
}

static enum kind kind_of_file(int file) {
    return file >= 0 && file < FILES ? (enum kind)atomic_load(&kinds[file]) : NOT_OURS;
}

// splitmix64 of the seed and the number of this decision.
static uint32_t decision(void) {
    uint64_t z = control->seed + (atomic_fetch_add(&turns, 1) + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) >> 48);
}

// The rule by which this call fails; false when it does not.
static int fails(enum call call, enum kind kind, struct rule *rule) {
    if (kind == NOT_OURS || control == NULL) return 0;
    atomic_fetch_add(&control->seen[call], 1);
    uint32_t active = atomic_load(&control->active);
    if (active > RULES) active = RULES;
    for (uint32_t i = 0; i < active; i++) {
        *rule = control->rules[i];
        if ((rule->calls >> call & 1) == 0 || (rule->kinds >> kind & 1) == 0) continue;
        if (rule->chance < 65536 && decision() >= rule->chance) continue;
        atomic_fetch_add(&control->failed[call], 1);
        return 1;
    }
    return 0;
}

// -1 and errno where the call fails, else 0. Calls that move no bytes have one shape only.
static int refused(enum call call, enum kind kind) {
    struct rule rule;
    if (!fails(call, kind, &rule) || rule.code == 0) return 0;
    errno = (int)rule.code;
    return -1;
}

static size_t kept(const struct rule *rule, size_t count) {
    size_t part = (size_t)((unsigned __int128)count * rule->keeps / 256);
    return part < count ? part : count - (count > 0);
}

int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    REAL(open);
    enum kind kind = kind_of_path(path);
    if (refused((flags & O_ACCMODE) == O_RDONLY ? OPEN_TO_READ : OPEN_TO_WRITE, kind) != 0) return -1;
    int file = real_open(path, flags, mode);
    if (file >= 0 && file < FILES) {
        atomic_store(&owed[file], 0);
        atomic_store(&kinds[file], (uint8_t)kind);
    }
    return file;
}

int close(int file) {
    REAL(close);
    // Before the number can be somebody else's.
    if (file >= 0 && file < FILES) atomic_store(&kinds[file], NOT_OURS);
    return real_close(file);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    REAL(pwrite);
    struct rule rule;
    enum kind kind = kind_of_file(file);
    if (kind != NOT_OURS) {
        uint16_t code = atomic_exchange(&owed[file], 0);
        if (code != 0) {
            errno = code;
            return -1;
        }
    }
    if (!fails(WRITE, kind, &rule)) return real_pwrite(file, bytes, count, offset);
    size_t part = kept(&rule, count);
    ssize_t done = part > 0 ? real_pwrite(file, bytes, part, offset) : 0;
    if (rule.shape == 1 && done > 0) {
        atomic_store(&owed[file], (uint16_t)rule.code);
        return done;
    }
    if (rule.code == 0) return real_pwrite(file, bytes, count, offset);
    errno = (int)rule.code;
    return -1;
}

ssize_t pread(int file, void *bytes, size_t count, off_t offset) {
    REAL(pread);
    struct rule rule;
    if (!fails(READ, kind_of_file(file), &rule)) return real_pread(file, bytes, count, offset);
    size_t part = kept(&rule, count);
    if (rule.shape == 1 && part > 0) return real_pread(file, bytes, part, offset);
    if (rule.code == 0) return real_pread(file, bytes, count, offset);
    errno = (int)rule.code;
    return -1;
}

int fdatasync(int file) {
    REAL(fdatasync);
    return refused(SYNC, kind_of_file(file)) != 0 ? -1 : real_fdatasync(file);
}

int fsync(int file) {
    REAL(fsync);
    enum kind kind = kind_of_file(file);
    return refused(kind == DIRECTORY ? SYNC_DIRECTORY : SYNC, kind) != 0 ? -1 : real_fsync(file);
}

int ftruncate(int file, off_t length) {
    REAL(ftruncate);
    return refused(TRUNCATE, kind_of_file(file)) != 0 ? -1 : real_ftruncate(file, length);
}

int fallocate(int file, int mode, off_t offset, off_t length) {
    REAL(fallocate);
    return refused(ALLOCATE, kind_of_file(file)) != 0 ? -1 : real_fallocate(file, mode, offset, length);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    return refused(RENAME, kind_of_path(from)) != 0 ? -1 : real_rename(from, to);
}

int unlink(const char *path) {
    REAL(unlink);
    return refused(UNLINK, kind_of_path(path)) != 0 ? -1 : real_unlink(path);
}

DIR *opendir(const char *path) {
    REAL(opendir);
    return refused(LIST, kind_of_path(path)) != 0 ? NULL : real_opendir(path);
}
