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
