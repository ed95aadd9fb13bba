import Platform
import Testing

@testable import Cryptography

@Suite struct MD5Tests {
    // RFC 1321, A.5.
    @Test(arguments: [
        ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"),
        ("abc", "900150983cd24fb0d6963f7d28e17f72"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
        (
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "d174ab98d277d9f5a5611c2c9f419d9f"
        ),
        (
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            "57edf4a22be3c955ac49da2e2107b67a"
        ),
    ])
    func digestsAreThoseOfTheRFC(text: String, hex: String) {
        #expect(Hex.text(MD5.digest(Array(text.utf8))) == hex)
    }

    // The lengths at which padding takes another block, by a digest of digests (checked with md5sum).
    @Test func paddingIsRightAroundBlockEnds() {
        var all: [UInt8] = []
        for count in 0...130 { all += MD5.digest(Array(repeating: 0x78, count: count)) }
        #expect(Hex.text(MD5.digest(all)) == "e4edc384b1abcb5696e09f9aca1eb23c")
    }

    @Test func theLastEightBytesAreBigEndian() {
        #expect(MD5.lastWord(Array("abc".utf8)) == 0xd696_3f7d_28e1_7f72)
    }
}
