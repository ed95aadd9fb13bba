import Platform
import Testing

@Suite struct HexDigitTests {
    @Test func digitsOfEitherCaseHaveAValueAndNothingElse() {
        for byte in UInt8.min...UInt8.max {
            let text = String(decoding: [byte], as: UTF8.self)
            // Swift's own takes a sign, too, but not alone.
            #expect(HexDigit.value(byte) == UInt8(text, radix: 16), "byte \(byte)")
        }
    }
}
