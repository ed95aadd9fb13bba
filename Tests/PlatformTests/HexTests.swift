import Platform
import Testing

@Suite struct HexTests {
    @Test func everyByteHasTwoDigits() {
        #expect(Hex.text([]) == "")
        #expect(Hex.text([0x00, 0x0F, 0xF0, 0xFF, 0xA9]) == "000ff0ffa9")
    }
}
