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
