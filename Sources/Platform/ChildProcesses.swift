internal import CPlatform
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The children of this process. As process 1 of a container it also gets those whose parents have ended,
/// and must take their status, or each stays in the table of processes as a zombie.
enum ChildProcesses {
    /// Those that were started here and not waited for yet. Also held while a status is taken, so that the
    /// id of a child that was waited for cannot be another process' yet.
    private static let started = Mutex<Set<pid_t>>([])
    private static let adoptsOrphans = narthex_adopts_orphans() == 1

    /// Remembers the child that `start` makes, of which it returns the id, or a negative number.
    static func remember(_ start: () -> pid_t) -> pid_t {
        // The lock is taken before the child is there: it may end before its id is known.
        started.withLock { ids in
            let pid = start()
            if pid > 0 { ids.insert(pid) }
            return pid
        }
    }

    /// The status of a child that has ended, as wait(2) tells it; nil while it runs, with `waits` once it has
    /// ended. Throws when there is no such child.
    static func status(of pid: pid_t, waits: Bool) throws(NoChild) -> Int32? {
        if waits { while narthex_ended_child(pid) < 0, errno == EINTR {} }
        var status: Int32 = 0
        let (ended, why) = started.withLock { ids in
            // Safety: `status` lives through the call.
            let ended = unsafe waitpid(pid, &status, WNOHANG)
            let why = errno
            if ended == pid || ended < 0 && why == ECHILD { ids.remove(pid) }
            return (ended, why)
        }
        if ended == pid {
            reapOrphans()
            return status
        }
        guard ended == 0 || why == EINTR else { throw NoChild() }
        return nil
    }

    /// There is nothing to wait for.
    struct NoChild: Error {}

    /// Takes the status of every child that ended and was not started here. Does nothing in a process that
    /// gets no orphans. One that was started here may be in front of them: then the rest follows as soon as
    /// its status was taken.
    static func reapOrphans() {
        guard adoptsOrphans else { return }
        var goesOn = true
        while goesOn {
            goesOn = started.withLock { ids in
                let pid = narthex_ended_child(0)
                guard pid > 0, !ids.contains(pid) else { return false }
                return waitpid(pid, nil, WNOHANG) == pid
            }
        }
    }
}
