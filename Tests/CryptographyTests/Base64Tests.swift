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
    }

    /// Every byte; MIME would have broken the line after 76 characters.
    @Test func aLongTextIsOneLine() {
        let encoded = Base64.text(Array(UInt8.min...UInt8.max))
        #expect(
            encoded.hasPrefix("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4"))
        #expect(encoded.hasSuffix("8PHy8/T19vf4+fr7/P3+/w=="))
        #expect(encoded.utf8.count == 344 && !encoded.contains("\n"))
    }
}
