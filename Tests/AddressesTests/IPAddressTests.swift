import Testing

@testable import Addresses

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
        "1:2:3:4:5:6:7:+8", "a", "1.2.3.4::", "1.2.3.4\u{0}", "::1\u{0}", " ::1", "::1%lo", "[::1]",
        "0x1.2.3.4",
        "::٣", "1.2.3.٣",
    ])
    func whatIsNoneIsNone(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: [
        ([10, 0, 0, 1], "10.0.0.1"),
        ([0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "2001:db8::1"),
        ([UInt8](repeating: 0, count: 16), "::"), ([UInt8](repeating: 0, count: 15) + [1], "::1"),
        ([0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3], "1:0:0:2::3"),
        ([0, 1, 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7], "1:0:2:3:4:5:6:7"),
        ([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 0, 0, 0], "1:2:3:4:5:6::"),
        ([UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 1, 2, 3, 4], "1.2.3.4"),
        ([UInt8](repeating: 0, count: 12) + [1, 2, 3, 4], "::102:304"),
        ([UInt8](repeating: 0, count: 12) + [1, 2, 0, 0], "::102:0"),
        ([UInt8](repeating: 0, count: 14) + [1, 2], "::102"),
        ([UInt8](repeating: 255, count: 16), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ([255, 255, 255, 255], "255.255.255.255"),
    ])
    func addressesAreWrittenAsInGo(bytes: [UInt8], text: String) throws {
        let address = try #require(IPAddress(bytes: bytes))
        #expect(address.text == text && IPAddress(text) == address)
        #expect(address.bytes == (bytes.count == 16 && address.bitCount == 32 ? Array(bytes[12...]) : bytes))
    }

    @Test func otherNumbersOfBytesAreNoAddress() {
        for count in [0, 1, 3, 5, 15, 17] {
            #expect(IPAddress(bytes: [UInt8](repeating: 1, count: count)) == nil)
        }
    }

    @Test(arguments: [
        ("10.1.2.3", "10.0.0.0", 8, true), ("11.1.2.3", "10.0.0.0", 8, false),
        ("1.2.3.4", "9.9.9.9", 0, true),
        ("10.0.0.1", "10.0.0.1", 32, true), ("10.0.0.0", "10.0.0.1", 32, false),
        ("10.128.0.1", "10.0.0.0", 9, false),
        ("fd00:ec2::254", "fd00:ec2::", 32, true), ("fd00:ec3::1", "fd00:ec2::", 32, false),
        ("1:2:3:4:8000::", "1:2:3:4::", 64, true), ("1:2:3:4:8000::", "1:2:3:4::", 65, false),
        ("::1", "::2", 126, true), ("::1", "::2", 127, false), ("::2", "::3", 127, true),
        ("::1", "::2", 128, false),
        ("::1", "ffff::", 0, true), ("1.2.3.4", "::", 0, false), ("1.2.3.4", "1.2.3.4", 33, false),
        ("::", "::", 129, false), ("::", "::", -1, false),
    ])
    func networksHoldWhatSharesTheirBits(address: String, network: String, bits: Int, isWithin: Bool) throws {
        let network = try #require(IPAddress(network))
        #expect(try #require(IPAddress(address)).isWithin(network, bits: bits) == isWithin)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true), ("::ffff:127.0.0.1", true),
        ("128.0.0.1", false),
        ("::2", false), ("1::1", false), ("::", false),
    ])
    func loopbackIsTold(text: String, isLoopback: Bool) throws {
        #expect(try #require(IPAddress(text)).isLoopback == isLoopback)
    }
}
