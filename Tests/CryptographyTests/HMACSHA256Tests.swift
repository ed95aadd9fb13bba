import Cryptography
import Platform
import Testing

struct HMACSHA256Tests {
    @Test func codesAreThoseOfRFC4231() {
        let code = HMACSHA256.code(key: [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8))
        #expect(Hex.text(code) == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        let long = HMACSHA256.code(
            key: [UInt8](repeating: 0xAA, count: 131),
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
        #expect(Hex.text(long) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        #expect(HMACSHA256.code(key: [1], []).count == 32)
    }
}
