import JSON
import Platform

#if canImport(Glibc)
import Glibc
#endif

/// Where and when a race took place, and with which agents: without it a figure says nothing.
struct RaceSetting {
    /// When the race began, in UTC.
    let date: String
    /// As `uname -sr` tells it.
    let kernel: String
    let processors: Int
    /// By the agents' names. Those that do not tell their version are left out.
    let versions: [String: String]

    init(_ agents: [RaceAgent], clock: some AgentClock = SystemClock()) {
        date = Timestamp.text(ms: clock.wallMs)
        kernel = ["ostype", "osrelease"].compactMap { name in
            StandInPlaces.text(of: "/proc/sys/kernel/\(name)").map { $0.filter { !$0.isNewline } }
        }.joined(separator: " ")
        processors = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        versions = agents.reduce(into: [:]) { versions, agent in
            versions[agent.name] = agent.command.words.first.flatMap(Self.version)
        }
    }

    /// The first line that a program prints for `--version`. A script is not asked: nobody knows what it does
    /// with an argument that it does not expect.
    static func version(_ program: String) -> String? {
        // A program on PATH has no slash, cannot be opened here, and is asked.
        if program.contains("/"), !isMachineCode(program) { return nil }
        let command = ["/bin/sh", "-c", "exec \"$0\" --version 2>&1", program]
        // An agent without the flag has no version to tell, and is measured nevertheless.
        let output = try? ChildCommand.run(
            command, environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"], timeoutMs: 10_000,
            outputLimitBytes: 1 << 16)
        return output.flatMap { bytes in
            String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).first.map(String.init)
        }
    }

    private static func isMachineCode(_ path: String) -> Bool {
        guard let file = unsafe fopen(path, "r") else { return false }
        // Safety: the file is closed once, here, and fread writes at most the buffer's length.
        defer { unsafe fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 4)
        return unsafe fread(&buffer, 1, buffer.count, file) == 4 && buffer == [0x7F, 0x45, 0x4C, 0x46]
    }

    /// `{"date": …, "kernel": …, "processors": …}`; versions stand with their agents.
    var json: JSONValue {
        ["date": .string(date), "kernel": .string(kernel), "processors": .integer(processors)]
    }
}
