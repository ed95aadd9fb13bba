import Platform
import Synchronization
import Testing

@testable import HTTPTransport

struct HTTPBodyTests {
    @Test func theLastReferenceGivesBufferAndSlotBack() {
        let released = Mutex<[BodyClaim]>([])
        let pool = BodyPool(keptCount: 1) { claim, _ in released.withLock { $0.append(claim) } }
        do {
            let body = HTTPBody([UInt8](repeating: 7, count: 100), pool: pool, claim: .slot)
            #expect(body.count == 100)
            #expect(body.bytes.allSatisfy { $0 == 7 })
            #expect(body.withSpan { $0.byteCount } == 100)
            #expect(released.withLock { $0.isEmpty })
        }
        #expect(released.withLock { $0 } == [.slot])
        let buffer = pool.take()
        #expect(buffer.isEmpty)
        #expect(buffer.capacity >= 100)
        #expect(pool.take().capacity == 0)
    }

    @Test func aBodyLetGoGivesThemBackAtOnceAndOnce() {
        let released = Mutex<[BodyClaim]>([])
        let pool = BodyPool(keptCount: 1) { claim, _ in released.withLock { $0.append(claim) } }
        do {
            let body = HTTPBody([UInt8](repeating: 7, count: 100), pool: pool, claim: .bytes(60))
            body.letGo()
            #expect(released.withLock { $0 } == [.bytes(60)])
            #expect(body.count == 100)
            #expect(body.bytes.isEmpty)
            #expect(body.withSpan { $0.byteCount } == 0)
            body.letGo()
        }
        #expect(released.withLock { $0 } == [.bytes(60)])
    }

    /// What a body is read into is charged beside it, as far as others that cannot wait keep their part.
    @Test func whatABodyIsReadIntoIsChargedUntilItIsLetGo() {
        let memory = MemoryAccount(bodiesBytes: 1_000)
        let pool = BodyPool(keptCount: 1, memory: memory) { _, _ in }
        #expect(memory.charge(100, to: .bodies))
        let body = HTTPBody([7], pool: pool, claim: .slot, heldBytes: 100)
        #expect(body.charge(readInto: 500) && memory.usedBytes(of: .bodies) == 600)
        // In all, not more and more.
        #expect(body.charge(readInto: 400) && body.charge(readInto: 600))
        #expect(memory.usedBytes(of: .bodies) == 700)
        #expect(!body.charge(readInto: 700) && memory.usedBytes(of: .bodies) == 700)
        #expect(pool.charge(300) && !body.charge(readInto: 601))
        memory.discharge(300, from: .bodies)
        body.letGo()
        #expect(memory.usedBytes(of: .bodies) == 0)
        #expect(body.charge(readInto: 900) && memory.usedBytes(of: .bodies) == 0)
        #expect(HTTPBody([7]).charge(readInto: 1 << 40))
    }

    @Test func aBodyTakesTheSmallestBufferThatHasRoomForIt() {
        let pool = BodyPool(keptCount: 8) { _, _ in }
        for count in [20_000, 900_000, 100_000] {
            var buffer: [UInt8] = []
            buffer.reserveCapacity(count)
            pool.keep(buffer)
        }
        let taken = [12_000, 97_000, 97_000, 97_000].map { pool.take(roomFor: $0).capacity }
        #expect((20_000..<100_000).contains(taken[0]))
        #expect((100_000..<900_000).contains(taken[1]))
        #expect(taken[2] >= 900_000 && taken[3] == 0)
        // One that is too small is better than none.
        pool.keep([UInt8](repeating: 0, count: 50))
        #expect((50..<97_000).contains(pool.take(roomFor: 97_000).capacity))
    }

    @Test func aHugeBufferIsNotKept() {
        let pool = BodyPool(keptCount: 4) { _, _ in }
        pool.takeBack([UInt8](repeating: 0, count: BodyPool.keptBufferBytes + 1), claim: .slot)
        #expect(pool.take().capacity == 0)
    }

    @Test func aBodyMadeByHandHasNoPool() {
        #expect(HTTPBody(Array("x".utf8)).bytes == [0x78])
        #expect(HTTPBody().count == 0)
    }
}
