import Testing

@testable import Discovery

@Suite struct IPTextTests {
    @Test(arguments: [
        ([10, 0, 0, 1], "10.0.0.1"),
        ([0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "2001:db8::1"),
        ([UInt8](repeating: 0, count: 16), "::"), ([UInt8](repeating: 0, count: 15) + [1], "::1"),
        ([0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3], "1:0:0:2::3"),
        ([0, 1, 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7], "1:0:2:3:4:5:6:7"),
        ([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 0, 0, 0], "1:2:3:4:5:6::"),
        ([UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 1, 2, 3, 4], "1.2.3.4"),
    ])
    func addressesAreWrittenAsInGo(bytes: [UInt8], text: String) {
        #expect(IPText.text(bytes) == text)
    }

    @Test func anIPv6AddressGetsBrackets() {
        #expect(IPText.address("::1", 80) == "[::1]:80" && IPText.address("a", 80) == "a:80")
    }
}
