import Testing

@testable import WriteAheadBuffer

struct RecordBufferTests {
    @Test func anEmptyOneGivesItsRoomBack() {
        var buffer = RecordBuffer(capacity: 0)
        buffer.putRaw(Array(repeating: 7, count: 300_000))
        let bytes = buffer.bytes
        buffer.giveBackRoom()
        #expect(buffer.bytes == bytes)
        buffer.removeAll()
        #expect(buffer.storage.count > 65_536)
        buffer.giveBackRoom()
        #expect(buffer.storage.count == 65_536)
        buffer.putByte(1)
        #expect(buffer.bytes == [1])
    }
}
