import Platform
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// The limit is the test process' own, and stays raised: it can only help the others.
struct OpenFileLimitTests {
    private func limit() throws -> rlimit {
        var limit = rlimit()
        // Safety: `limit` lives through the call.
        try #require(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        return limit
    }

    @Test func isRaisedAsFarAsItMayBe() throws {
        var lowered = try limit()
        let most = lowered.rlim_max
        lowered.rlim_cur = min(512, most)
        // Safety: `lowered` lives through the call.
        try #require(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &lowered) == 0)
        #expect(OpenFileLimit.raise() == Int(clamping: most))
        #expect(try limit().rlim_cur == most)
        #expect(OpenFileLimit.raise() == Int(clamping: most))
    }
}
