import Cryptography
import Testing

struct WipeTests {
    @Test func wipedBytesAreGone() {
        var secret = Array("secret".utf8)
        Wipe.bytes(&secret)
        #expect(secret.isEmpty)
        Wipe.bytes(&secret)
        #expect(secret.isEmpty)
    }
}
