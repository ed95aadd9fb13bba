import Testing

@testable import Addresses

@Suite struct HostPortTests {
    @Test(
        arguments: [
            ("a", "a", nil), ("a:1", "a", 1), ("a.b-c:65535", "a.b-c", 65_535),
            ("10.0.0.1:9100", "10.0.0.1", 9_100),
            ("[::1]", "::1", nil), ("[::1]:9100", "::1", 9_100), ("[fe80::1%eth0]:9100", "fe80::1", 9_100),
            ("münchen:80", "münchen", 80), ("A_b.:080", "A_b.", 80), ("web.1:80", "web.1", 80),
        ] as [(String, String, UInt16?)])
    func hostsAndPortsAreTakenApart(text: String, host: String, port: UInt16?) throws {
        let address = try HostPort(parsing: text)
        #expect(address.host == host && address.port == port && address.text == text)
        // What may be an address may stand in a URL.
        #expect(HTTPURL("http://\(text)/") != nil)
    }

    @Test func addressesAreToldFromNames() {
        #expect(HostPort("10.0.0.1:1")?.address == IPAddress("10.0.0.1") && HostPort("a")?.address == nil)
        #expect(HostPort("[fe80::1%25a.b_1-2]")?.zone == "a.b_1-2" && HostPort("[::1]")?.zone == nil)
    }

    @Test(arguments: [
        "", "a/b", "http://a", "a b", "a:", ":1", "a:0", "a:65536", "a:x", "::1", "[::1", "[::1]x", "a?b",
        "a#b",
        "u@a:1", "a\n:1", "{a}", "a:٣", "127.1:80", "010.0.0.1", "a%41", "[abc]", "a,b", "[::1]:", "a\\b",
        "a:-1",
    ])
    func theRestIsRefused(text: String) {
        #expect(HostPort(text) == nil)
        #expect(throws: AddressError.self) { try HostPort(parsing: text) }
    }

    @Test func anIPv6AddressGetsBrackets() {
        #expect(HostPort.text(host: "::1", port: 80) == "[::1]:80")
        #expect(HostPort.text(host: "a", port: 80) == "a:80")
    }
}
