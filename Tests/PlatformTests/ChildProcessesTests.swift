import Glibc
import Testing

@testable import Platform

/// Each in a process of its own: a reaper takes the status of every child that it does not know.
@Suite(.timeLimit(.minutes(1))) struct ChildProcessesTests {
    /// A child that ends with this status; none that ChildProcesses knows.
    private static func spawn(exiting status: Int) throws -> pid_t {
        var pid: pid_t = 0
        // Safety: the words live through the call, and are freed then.
        let script: [String] = ["/bin/sh", "-c", "exit \(status)"]
        var words = unsafe script.map { unsafe strdup($0) } + [nil]
        defer { unsafe words.forEach { unsafe free($0) } }
        let failure = unsafe posix_spawn(&pid, "/bin/sh", nil, nil, &words, environ)
        try #require(failure == 0)
        return pid
    }

    /// Returns once it has ended, and leaves its status there.
    private static func awaitEnd(of pid: pid_t) throws {
        try #require(waitid(P_PID, id_t(pid), nil, WEXITED | WNOWAIT) == 0)
    }

    private static func isGone(_ pid: pid_t) -> Bool { waitpid(pid, nil, WNOHANG) == -1 && errno == ECHILD }

    @Test func orphansAreReapedAndTheStatusOfAStartedChildIsKept() async {
        await #expect(processExitsWith: .success) {
            let children = ChildProcesses(adoptsOrphans: true)
            let orphan = try Self.spawn(exiting: 0)
            try Self.awaitEnd(of: orphan)
            children.reapOrphans()
            #expect(Self.isGone(orphan))
            let started = children.remember { (try? Self.spawn(exiting: 3)) ?? -1 }
            try Self.awaitEnd(of: started)
            // It may be behind the one that was started here: then it follows once that one is waited for.
            let second = try Self.spawn(exiting: 0)
            try Self.awaitEnd(of: second)
            children.reapOrphans()
            #expect(try children.status(of: started, waits: true) == 3 << 8)
            #expect(Self.isGone(second))
            #expect(throws: ChildProcesses.NoChild.self) { try children.status(of: started, waits: false) }
        }
    }

    @Test func aChildThatEndsBeforeItsIdIsKnownIsNoOrphan() async {
        await #expect(processExitsWith: .success) {
            let children = ChildProcesses(adoptsOrphans: true)
            let orphan = try Self.spawn(exiting: 0)
            try Self.awaitEnd(of: orphan)
            let started = children.remember {
                guard let pid = try? Self.spawn(exiting: 5), (try? Self.awaitEnd(of: pid)) != nil else {
                    return -1
                }
                children.reapOrphans()
                return pid
            }
            #expect(try children.status(of: started, waits: false) == 5 << 8)
            // What was left alone meanwhile follows.
            #expect(Self.isGone(orphan))
        }
    }

    @Test func aStartThatHangsHoldsNeitherTheReaperNorOthersUp() async {
        await #expect(processExitsWith: .success) {
            let children = ChildProcesses(adoptsOrphans: true)
            let (begun, goesOn, ended) = (
                ConditionQueue<Bool>(), ConditionQueue<Bool>(), ConditionQueue<Bool>()
            )
            try SystemThread.start(name: "starter") {
                _ = children.remember {
                    _ = begun.push(true)
                    _ = goesOn.pop()
                    return -1
                }
                _ = ended.push(true)
            }
            #expect(begun.pop() == true)
            // The thread of the signals is here, which also hears of SIGTERM.
            children.reapOrphans()
            let other = children.remember { (try? Self.spawn(exiting: 7)) ?? -1 }
            #expect(try children.status(of: other, waits: true) == 7 << 8)
            let orphan = try Self.spawn(exiting: 0)
            try Self.awaitEnd(of: orphan)
            children.reapOrphans()
            _ = goesOn.push(true)
            #expect(ended.pop() == true)
            #expect(Self.isGone(orphan))
        }
    }

    @Test func aProcessThatGetsNoOrphansReapsNothing() async {
        await #expect(processExitsWith: .success) {
            let children = ChildProcesses(adoptsOrphans: false)
            let other = try Self.spawn(exiting: 0)
            try Self.awaitEnd(of: other)
            children.reapOrphans()
            #expect(!Self.isGone(other))
        }
    }
}
