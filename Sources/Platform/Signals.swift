internal import CPlatform

#if canImport(Glibc)
import Glibc
#endif

/// Signals as values, taken on a thread of their own.
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

    /// Calls `handler` for each signal that comes from now on, for as long as the process lives, and ignores
    /// SIGPIPE and SIGXFSZ: a write to a closed connection, or beyond the limit on the size of files, is an
    /// error of that write. Threads that run already need not have blocked anything. To be called once, while
    /// the process starts.
    ///
    /// With `keepsIgnored` a signal stays ignored that whoever started the process ignores, as nohup(1) does
    /// with SIGHUP. With `reapsOrphans` the status of orphans that end is taken where the process gets them,
    /// as process 1 of a container. Without it the caller waits for its own children, and orphans stay.
    public static func handle(
        keepsIgnored: Bool = false, reapsOrphans: Bool = true,
        _ handler: @escaping @Sendable (Signal) -> Void
    ) {
        let descriptor = narthex_catch_signals(keepsIgnored ? 1 : 0, reapsOrphans ? 1 : 0)
        precondition(
            descriptor >= 0, "a process that has just started can open a pipe and set signal handlers")
        SystemThread.startOrExit(name: "signals") {
            while true {
                let number = narthex_next_signal(descriptor)
                guard number > 0 else { return }
                switch number {
                case SIGTERM: handler(.terminate)
                case SIGINT: handler(.interrupt)
                case SIGHUP: handler(.hangUp)
                case SIGCHLD: ChildProcesses.ours.reapOrphans()
                default: break
                }
            }
        }
    }
}
