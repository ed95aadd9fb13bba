import Platform
import StandIns
import Testing

@testable import narthex_bench

#if canImport(Glibc)
import Glibc
#endif

struct RacedProcessTests {
    /// What an agent saves when it is told to end is part of what it writes.
    @Test func theLastLookIsAtTheEndOfALife() async throws {
        let folder = try TemporaryFolder(name: "raced")
        defer { folder.remove() }
        let script = "trap 'exit 3' TERM; echo ready >\"$0\"; while :; do sleep 0.01; done"
        let process = try ChildProcess(
            ["/bin/sh", "-c", script, "\(folder.path)/ready"], outputPath: "\(folder.path)/log",
            leadsGroup: true)
        while StandInPlaces.text(of: "\(folder.path)/ready") == nil {
            try await SystemClock().sleep(forMs: 10)
        }
        var states: [String] = []
        let end = process.end(SIGTERM, withinSeconds: 10) {
            let stat = StandInPlaces.text(of: "/proc/\(process.pid)/stat") ?? ""
            states.append(stat.split(separator: " ").dropFirst(2).first.map { String($0) } ?? "gone")
        }
        #expect(end.status == 3)
        #expect(states.count >= 3)
        #expect(states.first != "Z")
        #expect(states.last == "Z")
        #expect(!states.contains("gone"))
    }
}
