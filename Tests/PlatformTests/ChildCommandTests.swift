import Platform
import Testing

struct ChildCommandTests {
    func run(
        _ script: String, timeoutMs: Int = 20_000, limit: Int = 1_000, environment: [String: String] = [:]
    ) throws(ChildCommand.Fault) -> String {
        let bytes = try ChildCommand.run(
            ["/bin/sh", "-c", script], environment: environment, timeoutMs: timeoutMs,
            outputLimitBytes: limit)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func outputIsReadAndTheEnvironmentIsTheOneGiven() throws {
        #expect(try run("echo \"$A:$HOME\"; cat; echo hidden >&2", environment: ["A": "b"]) == "b:\n")
    }

    @Test func theChildHasNoOpenFilesOfOursAndNoBlockedSignals() throws {
        let files = try run("ls /proc/self/fd | tr '\\n' ' '; grep SigBlk /proc/self/status")
        // 0, 1, 2 and the folder that ls itself reads.
        #expect(files == "0 1 2 3 SigBlk:\t0000000000000000\n")
    }

    @Test func howItEndedIsTold() {
        #expect(throws: ChildCommand.Fault.exit(status: 3)) { try run("echo secret; exit 3") }
        #expect(throws: ChildCommand.Fault.signal(9)) { try run("kill -9 $$") }
        #expect(throws: ChildCommand.Fault.self) {
            try ChildCommand.run(
                ["/nonexistent/program"], environment: [:], timeoutMs: 1_000, outputLimitBytes: 10)
        }
    }

    @Test func timeAndOutputAreBounded() {
        #expect(throws: ChildCommand.Fault.timeout) { try run("sleep 1000", timeoutMs: 50) }
        #expect(throws: ChildCommand.Fault.timeout) { try run("exec >&-; sleep 1000", timeoutMs: 50) }
        #expect(throws: ChildCommand.Fault.timeout) { try run("sleep 1000 & exit 0", timeoutMs: 50) }
        #expect(throws: ChildCommand.Fault.output) { try run("yes") }
    }
}
