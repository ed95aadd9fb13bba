// The system calls that Swift cannot make itself.
#define _GNU_SOURCE
#include "CPlatform.h"
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
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
    // Nobody has said a commit to this build.
    CHECK(narthex_commit()[0] == 0 && narthex_build_date()[0] == 0);
    return 0;
}
