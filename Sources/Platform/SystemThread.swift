internal import CPlatform

#if canImport(Glibc)
import Glibc
#endif

/// Why a thread could not be made.
public struct ThreadError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The thread's name.
    public let name: String
    public let errno: Int32

    /// For people: what is wrong and what to do.
    public var description: String {
        // Safety: strerror's text is copied at once; it is never nil for a number.
        let why = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
        return "the thread \(name) cannot be made (\(why)): raise the process' limit of tasks "
            + "(pids.max of its cgroup, ulimit -u) or of memory"
    }
}

/// An operating system thread, for what blocks or must stay on one thread.
public enum SystemThread {
    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a detached thread that runs `body` and ends with it. `name` keeps 15 bytes. Signals stay with
    /// the other threads, save those that its own faults raise. Throws, and `body` is let go, when the
    /// process may have no more threads.
    public static func start(
        name: String, stackSizeBytes: Int = 512 * 1024, _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) {
        var attributes = pthread_attr_t()
        var thread = pthread_t()
        let start = unsafe Unmanaged.passRetained(Start(name: name, body: body)).toOpaque()
        // Safety: `start` is retained here and released by the thread; the attributes live through the call.
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setstacksize(&attributes, stackSizeBytes)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        // A thread inherits the mask of its creator: it begins with every signal blocked that is not its own
        // fault.
        var blocked = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&blocked)
        for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT] { unsafe sigdelset(&blocked, fault) }
        unsafe pthread_sigmask(SIG_SETMASK, &blocked, &before)
        let status = unsafe pthread_create(
            &thread, &attributes,
            { raw in
                guard let raw = unsafe raw else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
                unsafe narthex_name_thread(start.name)
                start.body()
                return nil
            }, start)
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        unsafe pthread_attr_destroy(&attributes)
        guard status == 0 else {
            // Safety: no thread has begun that would release it.
            unsafe Unmanaged<Start>.fromOpaque(start).release()
            throw ThreadError(name: name, errno: status)
        }
    }

    /// As `start`, for a thread without which the process cannot begin its work: when it cannot be made the
    /// process ends, with a sentence on standard error and `noThreadStatus`. Not for use later on.
    public static func startOrExit(
        name: String, stackSizeBytes: Int = 512 * 1024, _ body: @escaping @Sendable () -> Void
    ) {
        var triesLeft = 20
        while true {
            do throws(ThreadError) {
                return try start(name: name, stackSizeBytes: stackSizeBytes, body)
            } catch {
                triesLeft -= 1
                if triesLeft == 0 { exit(for: error) }
                // A thread that has just ended counts for the kernel a moment longer.
                pause(ms: 5)
            }
        }
    }

    /// Ends the process as `startOrExit` does, unless it may have `count` more threads at a time. For the
    /// start of a process in which libraries make threads: they wait for ever, or trap, when they cannot.
    public static func requireRoom(for count: Int) {
        let ends = ConditionQueue<Void>()
        for number in 1...max(1, count) {
            startOrExit(name: "\(number) of \(count)") { _ = ends.pop() }
        }
        ends.close()
    }

    private static func exit(for error: ThreadError) -> Never {
        StandardStreams.writeError("the process cannot start: \(error)\n")
        // Not `exit`: its handlers would take apart what threads that have begun may be using.
        _exit(noThreadStatus)
    }

    /// EX_OSERR of sysexits.h: "cannot fork, cannot create pipe".
    public static let noThreadStatus: Int32 = 71
}

extension SystemThread {
    /// Keeps SIGPIPE from the calling thread: a write to a closed connection then says EPIPE, as it should.
    /// TLS libraries write without MSG_NOSIGNAL.
    public static func blockPipeSignal() {
        var signals = sigset_t()
        // Safety: `signals` lives through the calls.
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGPIPE)
        let status = unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        precondition(status == 0, "pthread_sigmask knows SIG_BLOCK")
    }

    /// Lets the calling thread sleep. Never on Swift's cooperative pool.
    public static func pause(ms: Int) { _ = usleep(UInt32(ms) * 1_000) }
}
