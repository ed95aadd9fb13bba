import Testing

@testable import HTTPTransport

struct SubmissionQueueTests {
    /// Who waits for memory looks anew when the limits change; nobody else is woken for that.
    @Test func changedLimitsAreNewsForThoseThatWaitForMemory() throws {
        let multi = try #require(MultiHandle(configuration: HTTPClientConfiguration()))
        let queue = SubmissionQueue(waking: multi)
        let whileStarved = queue.mayWait(untilNs: .max, wantsReleases: true)
        #expect(whileStarved)
        queue.changeLimits()
        let afterChange = queue.mayWait(untilNs: .max, wantsReleases: true)
        #expect(!afterChange)
        let whileIdle = queue.mayWait(untilNs: .max, wantsReleases: false)
        #expect(whileIdle)
        _ = queue.take()
        let afterTaking = queue.mayWait(untilNs: .max, wantsReleases: true)
        #expect(afterTaking)
    }
}
