import Addresses
import Testing

@testable import Discovery

@Suite struct DNSMessageTests {
    /// Header, one question for `a.b`, these answers.
    private func message(_ answers: [[UInt8]]) -> [UInt8] {
        let count = UInt8(answers.count)
        return [1, 2, 0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0, 1, 0x61, 1, 0x62, 0, 0, 1, 0, 1]
            + answers.flatMap { $0 }
    }

    private func record(_ type: UInt8, _ data: [UInt8]) -> [UInt8] {
        [0xC0, 12, 0, type, 0, 1, 0, 0, 0, 9, 0, UInt8(data.count)] + data
    }

    @Test func everyTypeIsRead() throws {
        let six: [UInt8] = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        let bytes = message([
            record(5, [0xC0, 12]), record(1, [10, 0, 0, 1]), record(28, six),
            record(2, [2, 0x6E, 0x73, 0xC0, 12]),
            record(15, [0, 10, 0xC0, 14]), record(33, [0, 0, 0, 0, 0x1F, 0x90, 1, 0x78, 0]),
            record(16, [1, 0x61]),
        ])
        let addresses = try ["10.0.0.1", "2001:db8::1"].map { try #require(IPAddress($0)) }
        #expect(
            DNSMessage(bytes)?.answers == [
                .address(addresses[0]), .address(addresses[1]), .nameServer("ns.a.b."), .mailExchange("b."),
                .service(target: "x.", port: 8_080),
            ])
    }

    @Test func strangeCharactersOfANameAreEscaped() {
        let bytes = message([record(2, [4, 0x61, 0x2E, 0x20, 0xFF, 0])])
        #expect(DNSMessage(bytes)?.answers == [.nameServer("a\\.\\032\\255.")])
    }

    @Test func damagedMessagesAreNone() {
        let whole = message([record(33, [0, 0, 0, 0, 0x1F, 0x90, 1, 0x78, 0])])
        #expect(DNSMessage(whole) != nil)
        for count in 0..<whole.count { #expect(DNSMessage(Array(whole.prefix(count))) == nil, "\(count)") }
        #expect(DNSMessage(message([record(1, [10, 0, 0])])) == nil)
        #expect(DNSMessage(message([record(2, [0xC0, 33])])) == nil, "a name that points at itself")
        #expect(DNSMessage(message([record(2, [1, 0x61, 0, 0])])) == nil, "bytes after the name")
        #expect(DNSMessage(message([record(2, [0x41, 0x61, 0])])) == nil, "a label of an unknown kind")
    }

    @Test func randomBytesAreSurvived() {
        var generator = SystemRandomNumberGenerator()
        let whole = message([record(2, [2, 0x6E, 0x73, 0xC0, 12]), record(15, [0, 10, 0xC0, 14])])
        for _ in 0..<5_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
                    in: 0...255, using: &generator)
            }
            _ = DNSMessage(bytes)
        }
    }
}
