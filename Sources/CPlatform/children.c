#define _GNU_SOURCE
#include "CPlatform.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int narthex_adopts_orphans(void) {
    int is_subreaper = 0;
    if (getpid() == 1) return 1;
    return prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) == 0 && is_subreaper != 0;
}

int narthex_ended_child(int pid) {
    siginfo_t info = {0};
    // Without WNOWAIT this would take the child's status from whoever waits for it.
    const int options = WEXITED | WNOWAIT | (pid == 0 ? WNOHANG : 0);
    if (waitid(pid == 0 ? P_ALL : P_PID, (id_t)pid, &info, options) != 0) return -1;
    return info.si_pid;
}
