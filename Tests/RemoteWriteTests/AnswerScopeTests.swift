import Testing

@testable import RemoteWrite

struct AnswerScopeTests {
    @Test(arguments: [
        (401, AnswerScope.destination, AnswerScope.destination), (403, .destination, .destination),
        (404, .destination, .destination), (429, .destination, .destination),
        (500, .unclear, .request), (502, .unclear, .request), (503, .unclear, .request),
        (408, .unclear, .request),
    ])
    func aStatusConcerns(status: Int, alone: AnswerScope, whileOthersAreStored: AnswerScope) {
        let answer = ReceiverAnswer.status(.init(status: status))
        #expect(answer.scope(storesOthers: false) == alone)
        #expect(answer.scope(storesOthers: true) == whileOthersAreStored)
    }

    /// A limit on series refuses the new series of one request; the next one's may all be known.
    @Test func aLimitOnSeriesConcernsTheRequest() {
        let answer = ReceiverAnswer.status(.init(status: 429, reason: .seriesLimit))
        #expect(answer.scope(storesOthers: false) == .request)
        #expect(answer.scope(storesOthers: true) == .request)
    }

    @Test func withoutAnAnswer() {
        for answer in [ReceiverAnswer.unconnected, .unsigned, .unsendable] {
            #expect(answer.scope(storesOthers: true) == .destination)
        }
        #expect(ReceiverAnswer.unreachable.scope(storesOthers: false) == .unclear)
        #expect(ReceiverAnswer.unreachable.scope(storesOthers: true) == .request)
    }

    @Test func whoAsksForQuietIsLeftAlone() {
        let answer = ReceiverAnswer.status(.init(status: 503, retryAfterMs: 1_000))
        #expect(answer.scope(storesOthers: true) == .unclear)
    }
}
