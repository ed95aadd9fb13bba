#if canImport(Glibc)
import Glibc
#endif

/// Signals as values: blocked in every thread and waited for on one.
public enum Signals {
    /// A signal the agent acts on.
    public enum Signal: Sendable {
        /// SIGTERM: the platform stops the task.
        case terminate
        /// SIGINT: somebody pressed Ctrl-C.
        case interrupt
        /// SIGHUP: read the configuration again.
        case hangUp
    }

    /// Blocks the signals in the calling thread and those started after it, so call it first of all; ignores SIGPIPE;
    /// then calls `handler` on a thread of its own for each signal that comes, for as long as the process lives.
    public static func handle(_ handler: @escaping @Sendable (Signal) -> Void) {
        // Safety: sets and numbers live on this thread's stack through each call.
        signal(SIGPIPE, SIG_IGN)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&set, number) }
        let status = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        precondition(status == 0, "pthread_sigmask takes a valid set")
        let waited = set
        SystemThread.start(name: "signals") {
            while true {
                var number: Int32 = 0
                var set = waited
                guard unsafe sigwait(&set, &number) == 0 else { continue }
                switch number {
                case SIGTERM: handler(.terminate)
                case SIGINT: handler(.interrupt)
                case SIGHUP: handler(.hangUp)
                default: break
                }
            }
        }
    }
}
