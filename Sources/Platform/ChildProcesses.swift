internal import CPlatform
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The children of this process. As process 1 of a container it also gets those whose parents have ended,
/// and must take their status, or each stays in the table of processes as a zombie.
///
/// No call of the kernel that may take long is made with the lock held: the thread of the signals reaps.
final class ChildProcesses: Sendable {
    /// Those of this process.
    static let ours = ChildProcesses(adoptsOrphans: narthex_adopts_orphans() == 1)

    private struct State {
        /// Those that were started here and not waited for yet.
        var started: Set<pid_t> = []
        /// How many are being started: their ids are not known yet, and one may have ended already.
        var starting = 0
    }

    /// Also held while a status is taken, so that the id of a child that was waited for cannot be another
    /// process' yet.
    private let state = Mutex(State())
    private let adoptsOrphans: Bool

    /// `adoptsOrphans`: whether children that were not started by `remember` are reaped.
    init(adoptsOrphans: Bool) { self.adoptsOrphans = adoptsOrphans }

    /// Calls `start`, which starts a child and returns its process id, or a negative number where it fails,
    /// and remembers that child. `start` returns once the program's file has been read, which may be never
    /// where that file is on a network that hangs.
    func remember(_ start: () -> pid_t) -> pid_t {
        state.withLock { $0.starting += 1 }
        let pid = start()
        state.withLock { state in
            state.starting -= 1
            if pid > 0 { state.started.insert(pid) }
        }
        // What ended meanwhile was left alone.
        reapOrphans()
        return pid
    }

    /// The status of a child that has ended, as wait(2) gives it. While the child runs it returns nil, or,
    /// with `waits`, waits for its end. Throws when there is no such child.
    func status(of pid: pid_t, waits: Bool) throws(NoChild) -> Int32? {
        if waits { while narthex_ended_child(pid) < 0, errno == EINTR {} }
        var status: Int32 = 0
        let (ended, why) = state.withLock { state in
            // Safety: `status` lives through the call.
            let ended = unsafe waitpid(pid, &status, WNOHANG)
            let why = errno
            if ended == pid || ended < 0 && why == ECHILD { state.started.remove(pid) }
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
    /// gets no orphans. Two things may be in front of them: a child that was started here, then the rest
    /// follows as soon as its status was taken; and one that is being started, then the rest follows as soon
    /// as its id is known.
    func reapOrphans() {
        guard adoptsOrphans else { return }
        var goesOn = true
        while goesOn {
            goesOn = state.withLock { state in
                guard state.starting == 0 else { return false }
                let pid = narthex_ended_child(0)
                guard pid > 0, !state.started.contains(pid) else { return false }
                return waitpid(pid, nil, WNOHANG) == pid
            }
        }
    }
}
