internal import CPlatform

#if canImport(Glibc)
import Glibc
#endif

/// Another program, run for what it prints. Blocks its thread: never on Swift's cooperative pool.
public enum ChildCommand {
    /// Why there is no output. No message shows what the program printed, which may be a secret.
    public enum Fault: Error, Sendable, Equatable {
        /// It cannot be started; the kernel's words.
        case start(String)
        case exit(status: Int32)
        case signal(Int32)
        case timeout
        /// It printed more than was allowed.
        case output
    }

    /// What the program wrote to standard output, once it ended with status 0.
    ///
    /// `arguments[0]` is looked for on this process' PATH. The program gets `environment` and nothing of
    /// ours: no open files, no blocked signals; standard input is empty and standard error is dropped. It is
    /// a process group of its own, which is killed when the time is up, when it prints more than
    /// `outputLimitBytes`, and when it leaves children behind that hold its output open.
    public static func run(
        _ arguments: [String], environment: [String: String], timeoutMs: Int, outputLimitBytes: Int
    ) throws(Fault) -> [UInt8] {
        precondition(!arguments.isEmpty, "a command has a program")
        var ends: [Int32] = [0, 0]
        // Safety: the two descriptors are written into the array of two.
        guard unsafe narthex_pipe(&ends) == 0 else { throw .start("there is no pipe for its output") }
        defer { _ = close(ends[0]) }
        let started = start(arguments, environment: environment, output: ends[1])
        _ = close(ends[1])
        let pid = try started.get()
        var child = Child(pid: pid, output: ends[0])
        let deadlineNs = SystemClock().monotonicNs + UInt64(max(0, timeoutMs)) * 1_000_000
        do throws(Fault) {
            let bytes = try child.read(deadlineNs: deadlineNs, limitBytes: outputLimitBytes)
            let status = try child.wait(deadlineNs: deadlineNs)
            guard status & 0x7F == 0 else { throw .signal(status & 0x7F) }
            guard status >> 8 & 0xFF == 0 else { throw .exit(status: status >> 8 & 0xFF) }
            return bytes
        } catch {
            child.end()
            throw error
        }
    }

    private static func start(
        _ arguments: [String], environment: [String: String], output: Int32
    ) -> Result<pid_t, Fault> {
        // Safety: the copies of the words live until the call has returned, and are freed then.
        var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        var variables = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            unsafe words.forEach { unsafe free($0) }
            unsafe variables.forEach { unsafe free($0) }
        }
        let pid = ChildProcesses.ours.remember { unsafe narthex_spawn(&words, &variables, output) }
        guard pid >= 0 else {
            return .failure(.start(unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "unknown"))
        }
        return .success(pid)
    }

    /// A running child: reaped once, by `wait` or by `end`.
    private struct Child {
        let pid: pid_t
        let output: Int32
        private var isReaped = false

        init(pid: pid_t, output: Int32) {
            self.pid = pid
            self.output = output
        }

        func read(deadlineNs: UInt64, limitBytes: Int) throws(Fault) -> [UInt8] {
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4_096)
            while true {
                var waiting = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
                let ready = unsafe poll(&waiting, 1, try remainingMs(deadlineNs))
                if ready < 0, errno == EINTR { continue }
                guard ready != 0 else { throw .timeout }
                // Safety: read writes at most the chunk's length.
                let count = unsafe Glibc.read(output, &chunk, chunk.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return bytes }
                guard bytes.count + count <= limitBytes else { throw .output }
                bytes += chunk[..<count]
            }
        }

        /// The status as wait(2) tells it.
        mutating func wait(deadlineNs: UInt64) throws(Fault) -> Int32 {
            while true {
                do throws(ChildProcesses.NoChild) {
                    if let status = try ChildProcesses.ours.status(of: pid, waits: false) {
                        isReaped = true
                        return status
                    }
                } catch {
                    isReaped = true
                    throw .start("it cannot be waited for")
                }
                _ = try remainingMs(deadlineNs)
                SystemThread.pause(ms: 2)
            }
        }

        mutating func end() {
            guard !isReaped else { return }
            kill(-pid, SIGKILL)
            // A killed child ends soon, whatever it did. What its status is matters no more, nor whether
            // there is one.
            _ = try? ChildProcesses.ours.status(of: pid, waits: true)
            isReaped = true
        }

        private func remainingMs(_ deadlineNs: UInt64) throws(Fault) -> Int32 {
            let nowNs = SystemClock().monotonicNs
            guard nowNs < deadlineNs else { throw .timeout }
            return Int32(clamping: (deadlineNs - nowNs) / 1_000_000 + 1)
        }
    }
}
