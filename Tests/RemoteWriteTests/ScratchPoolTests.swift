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

    /// What is kept is gone, and the next requests are the same without it.
    @Test func whatWasKeptIsMadeAgain() {
        let pool = ScratchPool()
        let frame = TestFrames.frame(count: 100, timestampMs: 1)
        let all = EncodeLimits(samples: .max, bytes: .max, ownAgeMs: nil)
        func encoded(_ message: WriteMessage) -> [UInt8] {
            pool.with { scratch in
                scratch.begin(message)
                _ = scratch.append(frame, from: 0, to: 100, limits: all)
                return scratch.compress()
            }
        }
        let first = [WriteMessage.v1, .v2].map(encoded)
        #expect(pool.keptBytes > 0)
        pool.relax()
        #expect(pool.keptBytes == 0)
        #expect([WriteMessage.v1, .v2].map(encoded) == first)
        #expect(pool.keptBytes > 0)
    }

    /// What is lent meanwhile goes on and comes back.
    @Test func whatIsLentIsNotFreed() {
        let pool = ScratchPool()
        let lent = pool.with { scratch in
            pool.relax()
            return scratch
        }
        #expect(pool.with { $0 === lent })
    }
}
