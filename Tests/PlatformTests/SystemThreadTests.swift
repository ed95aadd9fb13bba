import Glibc
import Synchronization
import Testing

@testable import Platform

@Suite(.timeLimit(.minutes(1)))
struct SystemThreadTests {
    @Test func hasItsNameAndLeavesSignalsToOthers() async throws {
        let (name, blocked) = await withCheckedContinuation { continuation in
            SystemThread.startOrExit(name: "a-name-that-is-too-long") {
                var mask = sigset_t()
                // Safety: the mask lives through its calls.
                unsafe pthread_sigmask(SIG_SETMASK, nil, &mask)
                let blocked = [SIGTERM, SIGINT, SIGHUP, SIGSEGV].map { unsafe sigismember(&mask, $0) }
                let name = Result { try POSIXFiles().contents(of: "/proc/thread-self/comm", limitBytes: 64) }
                continuation.resume(returning: (name, blocked))
            }
        }
        #expect(try String(decoding: name.get(), as: UTF8.self) == "a-name-that-is-\n")
        #expect(blocked == [1, 1, 1, 0])
    }

    @Test func theCreatorKeepsItsOwnMask() throws {
        let before = Self.blockedSignals()
        try SystemThread.start(name: "short") {}
        #expect(Self.blockedSignals() == before)
    }

    /// The signals that the calling thread blocks.
    private static func blockedSignals() -> [Int32] {
        var mask = sigset_t()
        // Safety: the mask lives through its calls.
        unsafe pthread_sigmask(SIG_SETMASK, nil, &mask)
        return (1..<32).filter { unsafe sigismember(&mask, $0) == 1 }
    }

    /// From now on the kernel makes no thread for this process, as at a container's pids limit. The limit
    /// does not bind root, who steps down.
    private static func leaveNoThreads() throws {
        var limit = rlimit()
        // Safety: `limit` lives through the call.
        try #require(unsafe setrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit) == 0)
        if getuid() == 0 { try #require(setuid(65_534) == 0) }
    }

    @Test func aThreadThatCannotBeMadeIsAnError() async {
        await #expect(processExitsWith: .success) {
            try Self.leaveNoThreads()
            let blocked = Self.blockedSignals()
            let lost = Lost()
            #expect(throws: ThreadError(name: "late", errno: EAGAIN)) {
                try SystemThread.start(name: "late") { [kept = lost.makeOne()] in _ = kept }
            }
            #expect(lost.count == 1, "what the thread would have held is let go")
            #expect(throws: ThreadError(name: "late-pool", errno: EAGAIN)) {
                _ = try WorkerPool(whileRunning: "late-pool", threads: 2)
            }
            #expect(Self.blockedSignals() == blocked, "the creator's own mask")
        }
    }

    @Test func aPoolOfTheStartWaitsForThreadsThatHaveJustEnded() async {
        await #expect(processExitsWith: .success) {
            let starts = ConditionQueue<rlim_t>()
            // Plays the threads that end: gives the limit back while the pool tries to begin.
            try SystemThread.start(name: "ending") {
                guard let before = starts.pop() else { return }
                SystemThread.pause(ms: 3)
                Self.limitThreads(to: before)
            }
            var limit = rlimit()
            // Safety: `limit` lives through the call.
            unsafe getrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit)
            if getuid() == 0 { try #require(setuid(65_534) == 0) }
            Self.limitThreads(to: 0)
            _ = starts.push(limit.rlim_cur)
            let pool = WorkerPool(name: "first", threads: 1)
            #expect(await pool.run { 7 } == 7)
        }
    }

    /// The soft limit alone, so that it can be raised again.
    private static func limitThreads(to count: rlim_t) {
        var limit = rlimit()
        // Safety: `limit` lives through the calls.
        unsafe getrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit)
        limit.rlim_cur = count
        unsafe setrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit)
    }

    @Test func aStartWithoutThreadsEndsWithASentence() async throws {
        let result = await #expect(processExitsWith: .exitCode(71), observing: [\.standardErrorContent]) {
            try Self.leaveNoThreads()
            SystemThread.startOrExit(name: "first") {}
        }
        let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(
            text.contains(
                "the process cannot start: the thread first cannot be made "
                    + "(Resource temporarily unavailable): "
                    + "raise the process' limit of tasks (pids.max of its cgroup, ulimit -u) or of memory\n"))
        await #expect(processExitsWith: .exitCode(71)) {
            try Self.leaveNoThreads()
            _ = WorkerPool(name: "first", threads: 1)
        }
        await #expect(processExitsWith: .exitCode(71)) {
            try Self.leaveNoThreads()
            SystemThread.requireRoom(for: 1)
        }
    }

    @Test func roomForThreadsIsGivenBack() {
        // Far more in all than any limit lets live at a time.
        for _ in 0..<30 { SystemThread.requireRoom(for: 100) }
    }

    /// Counts its objects that are gone.
    private final class Lost: Sendable {
        private let gone = Mutex(0)
        var count: Int { gone.withLock { $0 } }

        func makeOne() -> One { One(self) }

        final class One: Sendable {
            private let lost: Lost
            init(_ lost: Lost) { self.lost = lost }
            deinit { lost.gone.withLock { $0 += 1 } }
        }
    }
}
