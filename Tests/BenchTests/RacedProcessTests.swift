import Platform
import StandIns
import Testing

@testable import narthex_bench

#if canImport(Glibc)
import Glibc
#endif

struct RacedProcessTests {
    /// An agent that needs more memory than it has is killed without a word in its log.
    @Test(
        arguments: [
            (-1, SIGKILL, 1, 64, "used up its 64 MiB of memory, and the kernel killed it"),
            (-1, SIGKILL, nil, 64, "was killed, most likely by the kernel, as it may use 64 MiB of memory"),
            (-1, SIGKILL, 0, 64, "was ended by signal 9"), (-1, SIGKILL, nil, nil, "was ended by signal 9"),
            (-1, SIGSEGV, nil, 64, "was ended by signal 11"), (3, 0, 0, 64, "ended by itself with status 3"),
        ] as [(Int32, Int32, Int?, Int?, String)])
    func anEndIsExplained(status: Int32, signal: Int32, kills: Int?, memoryMiB: Int?, words: String) {
        let end = ChildProcess.End(status: status, signal: signal, cpuSeconds: 0)
        #expect(RacedProcess.words(end, kills, memoryMiB) == words)
    }

    /// Threads of Swift's tasks block all signals, which a child would inherit. An agent that is a shell
    /// script could not be told to end then.
    @Test func childrenBlockNoSignalsWhateverTheirStarterBlocks() throws {
        let folder = try TemporaryFolder(name: "raced")
        defer { folder.remove() }
        var (all, before) = (sigset_t(), sigset_t())
        // Safety: the sets live through the calls, and the thread's own mask is put back before it goes on.
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        let process = try ChildProcess(
            ["/bin/grep", "SigBlk", "/proc/self/status"], outputPath: "\(folder.path)/log")
        #expect(process.ended(0)?.status == 0)
        #expect(StandInPlaces.text(of: "\(folder.path)/log") == "SigBlk:\t0000000000000000\n")
    }

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
