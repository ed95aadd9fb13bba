import Platform
import Testing

@testable import Agent

struct StopRequestsTests {
    @Test func theFirstSignalStopsAndALaterOneDoesSoAtOnce() {
        let requests = StopRequests()
        #expect(!requests.stop.isSignalled)
        requests.received(atNs: 5_000_000_000)
        #expect(requests.stop.isSignalled && !requests.atOnce.isSignalled)
        requests.received(atNs: 5_900_000_000)
        #expect(!requests.atOnce.isSignalled, "the same Ctrl-C, passed on by a wrapper")
        requests.received(atNs: 6_000_000_000)
        #expect(requests.atOnce.isSignalled)
    }

    @Test func aRequestByAPageCountsAsTheFirstSignalAndNeverAsALaterOne() {
        let requests = StopRequests()
        requests.requested(atNs: 5_000_000_000)
        #expect(requests.stop.isSignalled)
        requests.requested(atNs: 9_000_000_000)
        #expect(!requests.atOnce.isSignalled)
        requests.received(atNs: 9_000_000_000)
        #expect(requests.atOnce.isSignalled)
    }
}
