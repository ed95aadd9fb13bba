import Glibc
import Platform
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SystemThreadTests {
    @Test func hasItsNameAndLeavesSignalsToOthers() async throws {
        let (name, blocked) = await withCheckedContinuation { continuation in
            SystemThread.start(name: "a-name-that-is-too-long") {
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

    @Test func theCreatorKeepsItsOwnMask() {
        func terminationIsBlocked() -> Int32 {
            var mask = sigset_t()
            // Safety: the mask lives through both calls.
            unsafe pthread_sigmask(SIG_SETMASK, nil, &mask)
            return unsafe sigismember(&mask, SIGTERM)
        }
        let before = terminationIsBlocked()
        SystemThread.start(name: "short") {}
        #expect(terminationIsBlocked() == before)
    }
}
