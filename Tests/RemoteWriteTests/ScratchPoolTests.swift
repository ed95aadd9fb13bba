import Testing

@testable import RemoteWrite

struct ScratchPoolTests {
    /// All samples of a batch may be dropped after they were encoded: nothing is compressed then.
    @Test func aRequestThatIsNeverCompressedHoldsNoChunks() {
        let pool = ScratchPool()
        let frame = TestFrames.frame(count: 100, timestampMs: 1)
        let all = EncodeLimits(samples: .max, bytes: .max, ownAgeMs: nil)
        let lent = pool.with { scratch in
            scratch.begin(.v2)
            _ = scratch.append(frame, from: 0, to: 100, limits: all)
            #expect(scratch.holdsChunks)
            return scratch
        }
        #expect(!lent.holdsChunks)
        #expect(pool.with { $0 === lent }, "it is kept for the next request")
    }
}
