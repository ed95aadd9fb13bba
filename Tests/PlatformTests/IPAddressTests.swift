import Testing

@testable import Platform

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("1.2.3.4", [1, 2, 3, 4]), ("::1", [UInt8](repeating: 0, count: 15) + [1]),
        ("1:2::", [0, 1, 0, 2] + [UInt8](repeating: 0, count: 12)), ("::ffff:1.2.3.4", [1, 2, 3, 4]),
        ("1:2:3:4:5:6:7:8", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]),
    ])
    func addressesAreRead(text: String, bytes: [UInt8]) {
        #expect(IPAddress(text)?.bytes == bytes)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "+1.2.3.4", ":", ":::", "1::2::3", "12345::",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "::1.2.3", "::g", "::-1", "::+1", "+1::",
        "1:2:3:4:5:6:7:+8", "a", "1.2.3.4::",
    ])
    func whatIsNoneIsNone(text: String) {
        #expect(IPAddress(text) == nil)
    }
}
