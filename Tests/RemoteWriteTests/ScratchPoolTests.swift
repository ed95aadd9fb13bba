import MetricModel
import Platform
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

    /// The symbols of all series would be made anew with the next request.
    @Test func onlyBuffersAndSymbolsOfWhatIsGoneAreFreedAlone() {
        let memory = MemoryAccount(readingBytes: 64 << 20)
        let pool = ScratchPool(memory: memory)
        let all = EncodeLimits(samples: .max, bytes: .max, ownAgeMs: nil)
        func encode(_ frame: Frame) {
            pool.with { scratch in
                scratch.begin(.v2)
                _ = scratch.append(frame, from: 0, to: 100, limits: all)
                _ = scratch.compress()
            }
        }
        let frame = TestFrames.frame(count: 100, timestampMs: 1)
        encode(frame)
        let held = memory.usedBytes(of: .reading)
        encode(TestFrames.frame(count: 100, timestampMs: 2))
        #expect(held > 0 && memory.usedBytes(of: .reading) > held && pool.keptBytes > 0)
        pool.emptyFree()
        #expect(memory.usedBytes(of: .reading) == held && pool.keptBytes == 0)
        withExtendedLifetime(frame) {}
        pool.relax()
        #expect(memory.usedBytes(of: .reading) == 0)
    }

    /// What is lent meanwhile goes on with the same bytes, and comes back.
    @Test(arguments: [WriteMessage.v1, .v2])
    func whatIsLentGoesOn(message: WriteMessage) {
        let frame = TestFrames.frame(count: 100, timestampMs: 1)
        let all = EncodeLimits(samples: .max, bytes: .max, ownAgeMs: nil)
        func encoded(relaxing: Bool) -> [UInt8] {
            let pool = ScratchPool()
            let (lent, bytes) = pool.with { scratch in
                scratch.begin(message)
                _ = scratch.append(frame, from: 0, to: 100, limits: all)
                if relaxing { pool.relax() }
                _ = scratch.append(frame, from: 0, to: 100, limits: all)
                if relaxing { pool.relax() }
                return (scratch, scratch.compress())
            }
            #expect(pool.with { $0 === lent })
            return bytes
        }
        #expect(encoded(relaxing: true) == encoded(relaxing: false))
    }
}
