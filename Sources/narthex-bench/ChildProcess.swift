import Platform

#if canImport(Glibc)
import Glibc
#endif

/// A program started by the harness, and what the kernel counts for it.
final class ChildProcess: Sendable {
    let pid: Int32

    /// Starts `arguments[0]` with the given environment added to this process' own; output goes to
    /// `outputPath`.
    init(_ arguments: [String], environment: [String: String] = [:], outputPath: String) throws(BenchError) {
        var actions = unsafe posix_spawn_file_actions_t()
        // Safety: actions, attributes and the argument copies live until posix_spawn has returned and are
        // freed then.
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(
            &actions, STDOUT_FILENO, outputPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        unsafe posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
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
            &pid, arguments[0], &actions, nil, &argumentCopies, &environmentCopies)
        guard status == 0 else {
            throw BenchError("cannot start \(arguments[0]): errno \(status)")
        }
        self.pid = pid
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
    func stop(withinSeconds seconds: Int) -> Int32 {
        kill(pid, SIGTERM)
        var status: Int32 = 0
        for _ in 0..<seconds * 100 {
            if unsafe waitpid(pid, &status, WNOHANG) == pid {
                return status & 0x7F == 0 ? (status >> 8) & 0xFF : -1
            }
            usleep(10_000)
        }
        kill(pid, SIGKILL)
        _ = unsafe waitpid(pid, &status, 0)
        return -1
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
