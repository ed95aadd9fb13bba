// The system calls that Swift cannot make itself.
#define _GNU_SOURCE
#include "CPlatform.h"
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void files(void) {
    char path[] = "/tmp/narthex-c-test-XXXXXX";
    const int made = mkstemp(path);
    CHECK(made >= 0);
    const int opened = narthex_open(path, O_RDWR | O_CLOEXEC, 0600);
    CHECK(opened >= 0);
    // Where the file system reserves nothing, it says so.
    if (narthex_reserve(opened, 1 << 20) != 0) CHECK(errno == EOPNOTSUPP);
    struct stat status;
    CHECK(fstat(opened, &status) == 0 && status.st_size == 0);
    close(opened);
    close(made);
    unlink(path);
    CHECK(narthex_open("/nonexistent/file", O_RDONLY, 0) == -1 && errno == ENOENT);
}

static void children(void) {
    int ends[2];
    CHECK(narthex_pipe(ends) == 0);
    char *words[] = {"sh", "-c", "echo $$; exit 3", NULL};
    const int pid = narthex_spawn(words, environ, ends[1]);
    CHECK(pid > 0);
    close(ends[1]);
    char text[32] = {0};
    CHECK(read(ends[0], text, sizeof text - 1) > 0 && atoi(text) == pid);
    close(ends[0]);
    // Seen as ended, it stays to be waited for.
    CHECK(narthex_ended_child(pid) == pid && narthex_ended_child(0) == pid);
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3);
    CHECK(narthex_ended_child(0) == -1 && errno == ECHILD);
    char *nobody[] = {"/nonexistent/program", NULL};
    const int lost = narthex_spawn(nobody, environ, STDOUT_FILENO);
    if (lost > 0) {
        // qemu's vfork shares no memory, by which the C library would hear of it: the child says it instead.
        CHECK(waitpid(lost, &status, 0) == lost && WIFEXITED(status) && WEXITSTATUS(status) == 127);
    } else {
        CHECK(lost == -1 && errno == ENOENT);
    }
}

static void signals(void) {
    // A signal that is ignored stays so where that is wanted.
    CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
    CHECK(narthex_catch_signals(1, 0) >= 0);
    CHECK(signal(SIGHUP, SIG_IGN) == SIG_IGN && signal(SIGTERM, SIG_DFL) != SIG_DFL);
    const int descriptor = narthex_catch_signals(0, 1);
    CHECK(descriptor >= 0);
    const int numbers[] = {SIGHUP, SIGTERM, SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        CHECK(raise(numbers[i]) == 0);
        CHECK(narthex_next_signal(descriptor) == numbers[i]);
    }
    raise(SIGPIPE);
    raise(SIGXFSZ);
    // More signals of one kind than the pipe has bytes, and nobody looks: the one to stop comes through.
    for (int i = 0; i < 70000; i++) raise(SIGHUP);
    CHECK(raise(SIGTERM) == 0);
    int taken = 0;
    while (narthex_next_signal(descriptor) != SIGTERM) CHECK(++taken < 10);
    CHECK(narthex_next_signal(-1) == -1);
}

static void datagrams(void) {
    const int receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK(receiver >= 0);
    // The kernel chooses an address of the abstract namespace where none is given.
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    socklen_t size = sizeof place.sun_family;
    CHECK(bind(receiver, (struct sockaddr *)&place, size) == 0);
    size = sizeof place;
    CHECK(getsockname(receiver, (struct sockaddr *)&place, &size) == 0);
    const size_t length = size - offsetof(struct sockaddr_un, sun_path);
    const int sender = narthex_open_datagram();
    CHECK(sender >= 0);
    CHECK(narthex_send_datagram(sender, place.sun_path, length, "READY=1", 7) == 0);
    char text[16] = {0};
    CHECK(recv(receiver, text, sizeof text, 0) == 7 && strcmp(text, "READY=1") == 0);
    CHECK(narthex_send_datagram(sender, "/nonexistent/socket", 19, "x", 1) == -1 && errno == ENOENT);
    CHECK(narthex_send_datagram(sender, "", 0, "x", 1) == -1 && errno == ENAMETOOLONG);
    CHECK(narthex_send_datagram(sender, text, sizeof place.sun_path + 1, "x", 1) == -1 &&
          errno == ENAMETOOLONG);
    close(sender);
    close(receiver);
}

static long resident_bytes(void) {
    long pages[2] = {0};
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &pages[0], &pages[1]) == 2);
    fclose(file);
    return pages[1] * sysconf(_SC_PAGESIZE);
}

// A thread frees small blocks that lie alone on their pages: malloc keeps them for it.
static void *storm(void *unused) {
    enum { sizes = 64, blocks = 7, between = 8192 };
    static void *small[sizes][blocks], *large[sizes][blocks];
    for (int i = 0; i < sizes; i++) {
        for (int j = 0; j < blocks; j++) {
            small[i][j] = malloc(24 + 16 * (size_t)i);
            large[i][j] = malloc(between);
            memset(large[i][j], 1, between);
        }
    }
    for (int i = 0; i < sizes; i++) {
        for (int j = 0; j < blocks; j++) {
            free(large[i][j]);
            free(small[i][j]);
        }
    }
    narthex_trim_heap();
    const long before = resident_bytes();
    narthex_rest_thread(2 << 20);
    narthex_trim_heap();
#if defined(__x86_64__)
    // qemu gives nothing back.
    CHECK(before - resident_bytes() > 1 << 20);
#else
    (void)before;
#endif
    return unused;
}

// The end of an arena other than the main one, shorter than what malloc gives back by itself.
static void *long_end(void *unused) {
    enum { blocks = 20, size = 64000 };
    void *large[blocks];
    for (int i = 0; i < blocks; i++) {
        large[i] = malloc(size);
        memset(large[i], 1, size);
    }
    for (int i = 0; i < blocks; i++) free(large[i]);
    narthex_trim_heap();
    const long before = resident_bytes();
    narthex_rest_thread(2 << 20);
#if defined(__x86_64__)
    CHECK(before - resident_bytes() > 1 << 20);
#else
    (void)before;
#endif
    return unused;
}

// The thread's cache lacks one block of each size, and the arena has free ones, with which malloc would fill
// it. What a cache holds counts as in use.
static void *nearly_full(void *unused) {
    enum { sizes = 64, blocks = 17, between = 2000 };
    static void *small[sizes][blocks], *others[sizes][blocks];
    for (int i = 0; i < sizes; i++) {
        for (int j = 0; j < blocks; j++) {
            small[i][j] = malloc(24 + 16 * (size_t)i);
            others[i][j] = malloc(between);
        }
    }
    for (int i = 0; i < sizes; i++) {
        for (int j = 0; j < blocks; j++) free(small[i][j]);
        small[i][0] = malloc(24 + 16 * (size_t)i);
    }
    const size_t before = mallinfo2().uordblks;
    narthex_rest_thread(2 << 20);
    CHECK(before > mallinfo2().uordblks + (100 << 10));
    for (int i = 0; i < sizes; i++) {
        free(small[i][0]);
        for (int j = 0; j < blocks; j++) free(others[i][j]);
    }
    return unused;
}

static void rest(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, storm, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, nearly_full, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, long_end, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

int main(int count, char **words) {
    CHECK(narthex_argument_count() == count);
    CHECK(strcmp(narthex_argument(0), words[0]) == 0 && narthex_argument(count) == NULL);
    files();
    children();
    datagrams();
    signals();
    char name[16] = {0};
    narthex_name_thread("a-name-that-is-too-long");
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "a-name-that-is-") == 0);
    CHECK(narthex_clock_is_synchronised() >= -1);
    CHECK(narthex_raise_open_file_limit() >= 64);
    narthex_limit_arenas(2);
    narthex_return_large_blocks(1 << 20);
    narthex_trim_heap();
    rest();
    // Nobody has said a commit to this build.
    CHECK(narthex_commit()[0] == 0 && narthex_build_date()[0] == 0);
    return 0;
}
