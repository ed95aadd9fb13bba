import JSON
import Testing

@Suite struct JSONPlaceCursorTests {
    @Test func itSaysWhatPlacesSay() {
        let bytes = Array("ab\nx\u{E9}y\r\n\n😀z".utf8)
        var cursor = JSONPlaceCursor(bytes)
        for offset in Array(-1...bytes.count + 2) + [3, 4, 0, 99] {
            #expect(cursor.place(offset) == JSONPlace(offset: offset, in: bytes), "\(offset)")
        }
    }
}
