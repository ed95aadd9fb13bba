import Platform

#if canImport(Glibc)
import Glibc
#endif

/// A program started by the harness, and what the kernel counts for it.
final class ChildProcess: Sendable {
    let pid: Int32

    private let leadsGroup: Bool

    /// Starts `arguments[0]` with the given environment added to this process' own; output goes to
    /// `outputPath`, behind what is there if it `appends`. One that `leadsGroup` is ended together with
    /// whatever it has started in its process group.
    init(
        _ arguments: [String], environment: [String: String] = [:], outputPath: String,
        appends: Bool = false, leadsGroup: Bool = false
    ) throws(BenchError) {
        var actions = unsafe posix_spawn_file_actions_t()
        // Safety: actions, attributes and the argument copies live until posix_spawn has returned and are
        // freed then.
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(
            &actions, STDOUT_FILENO, outputPath, O_WRONLY | O_CREAT | (appends ? O_APPEND : O_TRUNC), 0o600)
        unsafe posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // A harness that takes signals ignores SIGPIPE and SIGXFSZ, which its children are not to inherit.
        var defaults = sigset_t()
        unsafe sigemptyset(&defaults)
        unsafe sigaddset(&defaults, SIGPIPE)
        unsafe sigaddset(&defaults, SIGXFSZ)
        unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
        // The threads that Swift's tasks run on take no signals, and a child of theirs would take none
        // either: a shell script could not be told to end.
        var blocked = sigset_t()
        unsafe sigemptyset(&blocked)
        unsafe posix_spawnattr_setsigmask(&attributes, &blocked)
        // Group 0 is a new one, which has the number of its first process.
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        unsafe posix_spawnattr_setflags(
            &attributes,
            Int16(
                POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | (leadsGroup ? POSIX_SPAWN_SETPGROUP : 0)))
        var merged: [String] = environment.map { "\($0.key)=\($0.value)" }
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let line = unsafe String(cString: text)
            if !environment.keys.contains(where: { line.hasPrefix("\($0)=") }) { merged.append(line) }
            unsafe entry += 1
        }
        var argumentCopies = unsafe arguments.map { unsafe strdup($0) } + [nil]
        var environmentCopies = unsafe merged.map { unsafe strdup($0) } + [nil]
        defer {
            unsafe argumentCopies.forEach { unsafe free($0) }
            unsafe environmentCopies.forEach { unsafe free($0) }
        }
        var pid: Int32 = 0
        let status = unsafe posix_spawnp(
            &pid, arguments[0], &actions, &attributes, &argumentCopies, &environmentCopies)
        guard status == 0 else {
            throw BenchError("cannot start \(arguments[0]): errno \(status)")
        }
        self.pid = pid
        self.leadsGroup = leadsGroup
    }

    /// User and system CPU time in seconds, to a clock tick (10 ms); nil once it has ended.
    func cpuSeconds() -> Double? {
        guard let text = read("stat"), let end = text.lastIndex(of: ")") else { return nil }
        // Fields after the command's closing parenthesis: state is the third of proc(5), utime and stime 14
        // and 15.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, fields[0] != "Z", let user = Double(fields[11]),
            let system = Double(fields[12])
        else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// How often its threads went to sleep by themselves. Unlike the time, this hardly depends on what else
    /// the machine does.
    func sleeps() -> Int? {
        // A thread that ends in between has slept enough.
        guard let threads = try? POSIXFiles().list("/proc/\(pid)/task") else { return nil }
        return threads.compactMap { thread in
            read("task/\(thread)/status").flatMap { Self.number("voluntary_ctxt_switches:", in: $0) }
        }.reduce(0, +)
    }

    /// Resident bytes: all, and the anonymous part.
    func residentBytes() -> (all: Int, anonymous: Int)? {
        guard let text = read("status") else { return nil }
        func bytes(_ key: String) -> Int? { Self.number(key, in: text).map { $0 * 1_024 } }
        guard let all = bytes("VmRSS:"), let anonymous = bytes("RssAnon:") else { return nil }
        return (all, anonymous)
    }

    /// The most that was resident since the start or the last call, and begins anew.
    func takePeakBytes() -> Int? {
        guard let text = read("status"), let peak = Self.number("VmHWM:", in: text) else { return nil }
        guard let file = unsafe fopen("/proc/\(pid)/clear_refs", "w") else { return nil }
        // Safety: the file is closed once, here, and unused afterwards. 5 sets the peak to what is resident
        // now (proc(5)).
        let written = unsafe fputs("5", file)
        return unsafe fclose(file) == 0 && written >= 0 ? peak * 1_024 : nil
    }

    /// Sends SIGTERM and waits up to `seconds` for the end, then SIGKILL. Returns the exit status, -1 when
    /// killed.
    @discardableResult
    func stop(withinSeconds seconds: Int) -> Int32 { end(SIGTERM, withinSeconds: seconds).status }

    /// How a process has ended.
    struct End {
        /// The exit status; -1 when a signal ended it.
        let status: Int32
        /// The signal that ended it; 0 when none did.
        var signal: Int32 = 0
        /// User and system time of the process and of the children that it has waited for, in seconds.
        let cpuSeconds: Double
    }

    /// Sends a signal and waits up to `seconds` for the end, then sends SIGKILL. `look` is called before the
    /// signal, every 10 ms after it, and once more when the process has ended and its entry in /proc is still
    /// there.
    func end(_ signal: Int32, withinSeconds seconds: Int, look: () -> Void = {}) -> End {
        let receiver = leadsGroup ? -pid : pid
        look()
        kill(receiver, signal)
        for _ in 0..<seconds * 100 {
            look()
            if hasEnded {
                look()
                // What the leader of a group leaves behind.
                if leadsGroup { kill(receiver, SIGKILL) }
                return ended(0) ?? End(status: -1, cpuSeconds: 0)
            }
            usleep(10_000)
        }
        kill(receiver, SIGKILL)
        look()
        return ended(0) ?? End(status: -1, cpuSeconds: 0)
    }

    /// Whether it has ended. Its entry in /proc stays until `ended` is called.
    private var hasEnded: Bool {
        var info = unsafe siginfo_t()
        // Safety: the structure lives through the call. Its signal stays 0 while the process runs (wait(2)).
        guard unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 else { return false }
        return unsafe info.si_signo == SIGCHLD
    }

    /// Its end, once only; nil while it runs.
    func ended(_ options: Int32 = WNOHANG) -> End? {
        var status: Int32 = 0
        var usage = rusage()
        guard unsafe wait4(pid, &status, options, &usage) == pid else { return nil }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return End(
            status: status & 0x7F == 0 ? (status >> 8) & 0xFF : -1, signal: status & 0x7F,
            cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime))
    }

    private static func number(_ key: String, in text: String) -> Int? {
        text.split(separator: "\n").first { $0.hasPrefix(key) }?
            .split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
    }

    private func read(_ name: String) -> String? {
        guard let file = unsafe fopen("/proc/\(pid)/\(name)", "r") else { return nil }
        defer { unsafe fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 8_192)
        // Safety: fread writes at most the buffer's length.
        let count = unsafe fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
