import Platform
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Whether somebody wants the race to end before its time.
///
/// An agent and its stand-ins each lead a process group of their own, so that Ctrl-C on a terminal does not
/// reach them, and the agent's cgroup stays until somebody removes it. So a signal only sets a flag, which
/// the loops look at every second: they end the agent, the stand-ins and the cgroup as they do at the end of
/// any run.
final class RaceInterruption: Sendable {
    private let came = Mutex(false)

    /// Watches for SIGINT, SIGTERM and SIGHUP from now on, but for one that is ignored already, as SIGHUP is
    /// under nohup(1). A second signal ends the process at once, and leaves behind what it leaves. To be
    /// called once.
    static func watch() -> RaceInterruption {
        let interruption = RaceInterruption()
        // Where this is process 1, orphans are not reaped, as that would also take away the end and the CPU
        // time of the agents and the stand-ins, which `ChildProcess` waits for.
        Signals.handle(keepsIgnored: true, reapsOrphans: false) { _ in
            let isSecond = interruption.came.withLock { came in
                defer { came = true }
                return came
            }
            if isSecond { _exit(status) }
            StandardStreams.writeError("interrupted: the race ends, with all that it has started\n")
        }
        return interruption
    }

    /// The exit status of a program that SIGINT ended, as shells have it.
    static let status: Int32 = 130

    var hasCome: Bool { came.withLock { $0 } }

    func check() throws(BenchError) {
        if hasCome { throw BenchError("interrupted") }
    }
}

/// Wakes a loop once a second, by the clock: what the loop does between takes nothing from the count.
struct RacePace {
    private let clock = SystemClock()
    private let interruption: RaceInterruption
    private var dueNs: UInt64

    init(_ interruption: RaceInterruption) {
        self.interruption = interruption
        dueNs = clock.monotonicNs
    }

    /// Sleeps until the next full second since the start, and leaves out those that have passed already.
    /// Returns how many seconds the due time has moved on. Throws when somebody has asked to end the race.
    mutating func next() async throws -> Int {
        let nowNs = clock.monotonicNs
        let seconds = 1 + Int((nowNs - min(nowNs, dueNs)) / 1_000_000_000)
        dueNs += UInt64(seconds) * 1_000_000_000
        try await clock.sleep(untilNs: dueNs)
        try interruption.check()
        return seconds
    }
}
