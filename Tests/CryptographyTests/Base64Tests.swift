import Cryptography
import Testing

@Suite struct Base64Tests {
    /// RFC 4648 §10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func vectorsOfTheRFC(text: String, encoded: String) {
        #expect(Base64.text(Array(text.utf8)) == encoded)
        #expect(Base64.bytes(encoded.utf8) == Array(text.utf8))
    }

    /// Every byte; MIME would have broken the line after 76 characters.
    @Test func aLongTextIsOneLine() {
        let encoded = Base64.text(Array(UInt8.min...UInt8.max))
        #expect(
            encoded.hasPrefix("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4"))
        #expect(encoded.hasSuffix("8PHy8/T19vf4+fr7/P3+/w=="))
        #expect(encoded.utf8.count == 344 && !encoded.contains("\n"))
    }

    @Test func linesAndSpacesArePassedOver() {
        #expect(Base64.bytes(" Zm9v\r\nYmE=\n".utf8) == Array("fooba".utf8))
        let all = Array(UInt8.min...UInt8.max)
        #expect(Base64.bytes(Base64.text(all).utf8) == all)
    }

    @Test(arguments: [
        "Zg", "Zg=", "Z===", "====", "Zm9v=", "Zg==Zg==", "Zm9-", "a: b", "Zm=v", "Zm9vY===", "é===",
    ])
    func whatIsNoBase64IsRefused(text: String) {
        #expect(Base64.bytes(text.utf8) == nil)
    }
}
