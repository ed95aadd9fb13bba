import Testing

@testable import WriteAheadBuffer

struct RoomLossTests {
    private static let start: UInt64 = 5_000_000_000

    @Test func aLossCountsUntilSamplesArriveAndItIsTenMinutesAgo() {
        var loss = RoomLoss()
        loss.lost(3, nowNs: Self.start)
        loss.lost(4, nowNs: Self.start + 1)
        loss.lost(0, nowNs: Self.start + 100)
        loss.delivered(nowNs: Self.start + RoomLoss.lastsNs)
        #expect(loss.samples == 7)
        loss.delivered(nowNs: Self.start + 1 + RoomLoss.lastsNs)
        #expect(loss.samples == 0)
        loss.lost(UInt64.max, nowNs: Self.start)
        loss.lost(2, nowNs: Self.start)
        #expect(loss.samples == UInt64(Int64.max))
    }

    @Test func damageAndWhatAReceiverRefusesAreNoLackOfRoom() {
        let reasons = [
            BufferDropReason.damaged, BufferDropReason.memoryFull, BufferDropReason.retentionSize,
            BufferDropReason.retentionAge, "bad_request",
        ]
        #expect(reasons.filter(RoomLoss.isReason) == Array(reasons[1...3]))
    }
}
