import Platform
import Testing

@testable import HTTPTransport

struct BodyPoolTests {
    private func buffer(_ bytes: Int) -> [UInt8] {
        var buffer: [UInt8] = []
        buffer.reserveCapacity(bytes)
        return buffer
    }

    @Test func whatIsKeptFollowsTheLimit() {
        let memory = MemoryAccount(bodiesBytes: 16 << 20)
        let pool = BodyPool(keptCount: 16, memory: memory) { _, _ in }
        for _ in 0..<16 { pool.keep(buffer(500_000)) }
        #expect(pool.keptBytes > 1_500_000 && pool.keptBytes <= 2 << 20)
        memory.setLimit(of: .bodies, toBytes: 8 << 20)
        pool.followLimit()
        #expect(pool.keptBytes > 400_000 && pool.keptBytes <= 1 << 20)
        for _ in 0..<16 { pool.keep(buffer(500_000)) }
        #expect(pool.keptBytes <= 1 << 20)
        memory.setLimit(of: .bodies, toBytes: 32 << 20)
        for _ in 0..<16 { pool.keep(buffer(500_000)) }
        #expect(pool.keptBytes > 3_000_000 && pool.keptBytes <= 4 << 20)
    }

    /// One large buffer goes rather than many small ones.
    @Test func theLargestGoFirst() {
        let memory = MemoryAccount(bodiesBytes: 16 << 20)
        let pool = BodyPool(keptCount: 16, memory: memory) { _, _ in }
        pool.keep(buffer(1_000_000))
        for _ in 0..<8 { pool.keep(buffer(50_000)) }
        memory.setLimit(of: .bodies, toBytes: 8 << 20)
        pool.followLimit()
        #expect(pool.keptBytes >= 400_000 && pool.keptBytes < 1_000_000)
    }

    /// What turns out longer than it announced while it is decoded cannot wait.
    @Test func aNarrowedLimitDoesNotFailWhatIsBeingDecoded() {
        let memory = MemoryAccount(bodiesBytes: 100)
        let pool = BodyPool(keptCount: 1, memory: memory) { _, _ in }
        memory.setLimit(of: .bodies, toBytes: 50)
        #expect(pool.charge(60))
        #expect(!pool.charge(41))
        #expect(memory.usedBytes(of: .bodies) == 60)
    }

    @Test func anEmptiedPoolKeepsBuffersAgain() {
        let pool = BodyPool(keptCount: 2) { _, _ in }
        pool.keep(buffer(100_000))
        pool.keep(buffer(200_000))
        pool.empty()
        #expect(pool.keptBytes == 0)
        #expect(pool.take(roomFor: 1).capacity == 0)
        pool.keep(buffer(100_000))
        #expect(pool.keptBytes >= 100_000)
        #expect(pool.take(roomFor: 1).capacity >= 100_000)
        #expect(pool.keptBytes == 0)
    }
}
