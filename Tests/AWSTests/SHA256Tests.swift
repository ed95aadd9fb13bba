import Testing

@testable import AWS

struct SHA256Tests {
    @Test(arguments: [
        ("", SHA256.emptyHex),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func digestsAreThoseOfFIPS180(text: String, digest: String) {
        #expect(SHA256.hex(text) == digest)
        #expect(SHA256.hex(bytes: Array(text.utf8)) == digest)
    }

    @Test func codesAreThoseOfRFC4231() {
        let code = HMACSHA256.code(key: [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8))
        #expect(Hex.text(code) == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        let long = HMACSHA256.code(
            key: [UInt8](repeating: 0xAA, count: 131),
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
        #expect(Hex.text(long) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        #expect(HMACSHA256.code(key: [1], []).count == 32)
    }

    @Test func wipedBytesAreGone() {
        var secret = Array("secret".utf8)
        Wipe.bytes(&secret)
        #expect(secret.isEmpty)
        Wipe.bytes(&secret)
        #expect(secret.isEmpty)
    }
}
