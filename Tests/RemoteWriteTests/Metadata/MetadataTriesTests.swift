import Configuration
import Testing

@testable import RemoteWrite

@Suite struct MetadataTriesTests {
    private static let minuteNs: UInt64 = 60_000_000_000

    private func tries() -> MetadataTries {
        MetadataTries(queue: QueueConfiguration(), deadlineNs: Self.minuteNs, seed: 1)
    }

    @Test(arguments: [200, 204]) func successIsTheEnd(status: Int) {
        var tries = tries()
        #expect(tries.answered(.status(.init(status: status)), 0) == .stored)
    }

    @Test(arguments: [400, 401, 403, 404, 415, 422]) func refusalsAreNotTriedAgain(status: Int) {
        var tries = tries()
        #expect(tries.answered(.status(.init(status: status)), 0) == .refused)
    }

    @Test func whatIsTooLargeIsCut() {
        var tries = tries()
        #expect(tries.answered(.status(.init(status: 413)), 0) == .tooLarge)
    }

    @Test(arguments: [ReceiverAnswer.unreachable, .unconnected, .unsigned])
    func whatMayPassIsTriedUntilTheNextAreDue(answer: ReceiverAnswer) {
        var tries = tries()
        var nowNs: UInt64 = 0
        var count = 0
        while case .waitAndSend(let untilNs) = tries.answered(answer, nowNs), count < 1_000 {
            #expect(untilNs > nowNs && untilNs < Self.minuteNs)
            nowNs = untilNs
            count += 1
        }
        // 30 ms doubled up to 5 s.
        #expect(count > 10 && count < 60, "\(count) tries")
    }

    @Test func aReceiversWishIsHeard() {
        var tries = tries()
        guard
            case .waitAndSend(let untilNs) = tries.answered(
                .status(.init(status: 503, retryAfterMs: 20_000)), 0)
        else {
            Issue.record("tried again")
            return
        }
        #expect(untilNs >= 20_000_000_000)
        #expect(tries.answered(.status(.init(status: 429, retryAfterMs: 61_000)), 0) == .refused)
    }
}
