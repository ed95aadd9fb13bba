import Testing

@testable import Addresses

@Suite struct HTTPURLTests {
    @Test func partsOfAURL() throws {
        let url = try HTTPURL(parsing: "HTTPS://u:p@Host.example:8443/a/b?c=d#e")
        #expect(url.scheme == .https && url.hostName == "host.example" && url.port == 8_443)
        #expect(url.path == "/a/b" && url.query == "c=d" && url.hasUser && url.hasFragment)
        #expect(url.address == nil && url.writtenHost == "Host.example")
        // libcurl sends the host as it is written.
        #expect(url.hostHeader == "Host.example:8443" && url.origin == "https://Host.example:8443")
        #expect(try url.with(host: "other").text == "https://other:8443/a/b?c=d#e")
    }

    @Test func anIPv6AddressKeepsItsBrackets() throws {
        let url = try HTTPURL(parsing: "http://[fe80::1%25eth0]:9100/metrics")
        #expect(url.hostName == "fe80::1" && url.writtenHost == "[fe80::1%25eth0]" && url.port == 9_100)
        #expect(url.address == IPAddress("fe80::1") && url.hostHeader == "[fe80::1]:9100")
        #expect(try HTTPURL(parsing: "http://[::1]/").port == 80)
        #expect(try url.with(host: "::2").text == "http://[::2]:9100/metrics")
        #expect(try url.with(host: "[::2]").text == "http://[::2]:9100/metrics")
        for host in ["a/b", "a:1", "[::1]:1", "u@a", ""] {
            #expect(throws: AddressError.self, "\(host)") { try url.with(host: host) }
        }
    }

    /// The form in which libcurl writes the Host header, which a signature covers.
    @Test(arguments: [
        ("https://h.example:443/x", "h.example"), ("http://h.example:80/x", "h.example"),
        ("https://h.example:80/x", "h.example:80"), ("http://h:/x", "h"), ("http://h:0080/x", "h"),
        ("http://127.0.0.1:9090/x", "127.0.0.1:9090"), ("https://u:p@h.example/x", "h.example"),
        ("http://[::1]:9090/x", "[::1]:9090"), ("http://[0:0::1]:9090/x", "[::1]:9090"),
        ("https://[FE80::1]/", "[FE80::1]"), ("https://[FE80:0::1]/", "[fe80::1]"),
        ("http://[0::ffff:1.2.3.4]/", "[::ffff:1.2.3.4]"), ("http://[fe80::1%eth0]/", "[fe80::1]"),
        ("http://h./", "h."), ("http://H_1/", "H_1"),
    ])
    func theHostHeaderIsWhatLibcurlSends(text: String, host: String) throws {
        #expect(try HTTPURL(parsing: text).hostHeader == host)
    }

    @Test func aNameBeyondASCIIHasNoHostHeader() throws {
        let url = try HTTPURL(parsing: "http://münchen:81/")
        #expect(url.hostHeader == nil && url.origin == "http://münchen:81")
    }

    @Test(arguments: [
        ("http://h", "/", nil), ("http://h?", "/", ""), ("http://h?a/b", "/", "a/b"),
        ("http://h/a?b?c#d?e", "/a", "b?c"), ("http://h#/a?b", "/", nil),
        ("http://h/%zz/../ü", "/%zz/../ü", nil),
        ("http://h//a//?", "//a//", ""), ("http://h/a@b:c\\d", "/a@b:c\\d", nil),
    ])
    func pathAndQueryAreLeftAsTheyAre(text: String, path: String, query: String?) throws {
        let url = try HTTPURL(parsing: text)
        #expect(url.path == path && url.query == query)
    }

    @Test(arguments: [
        ("http://h/m", "http://h/m"), ("HTTPS://H:8443", "https://H:8443"),
        ("http://u:p@h:1/a/b?token=s#f", "http://h:1/a/b"), ("http://u:p@h?x", "http://h"),
        ("http://[::1]:9100/m?q", "http://[::1]:9100/m"), ("http://h/a@b", "http://h/a@b"),
        ("http://host:9/a?token=x#f", "http://host:9/a"), ("https://u:p%40@[::1]:9/w", "https://[::1]:9/w"),
        ("http://:p@h#f", "http://h"),
    ])
    func asTextItShowsServerAndPathOnly(text: String, shown: String) throws {
        #expect("\(try HTTPURL(parsing: text))" == shown)
    }

    @Test func whatIsNoURLIsNotShown() {
        #expect(HTTPURL.shown("http://u:hunter2@h/x?y") == "http://h/x")
        #expect(HTTPURL.shown("u:hunter2@h/x") == "a malformed URL")
    }

    @Test(
        arguments: [
            ("", .scheme), ("ftp://a/", .scheme), ("//a", .scheme), ("a:80", .scheme), ("https//h", .scheme),
            ("http:/h", .scheme), ("http:h", .scheme), ("httpss://h", .scheme), (" http://h", .scheme),
            ("hütp://h", .scheme), ("http", .scheme), ("https:/", .scheme), ("h.example/x", .scheme),
            ("http://", .host), ("http:///x", .host), ("http://?x", .host), ("http://#x", .host),
            ("http://u@/x", .host), ("http://:80/", .host), ("https://:443/", .host),
            ("http://u@:80/", .host),
            ("http://a@b@h/x", .user), ("http://u:p@a@", .user), ("http://u\\@h/", .character),
            ("http://10.0.0.7\\@evil/", .character), ("http://h\\x/", .character),
            ("http://h/a b", .character),
            ("http://h\n", .character), ("http://h/\u{7F}", .character), ("http://h/#a b", .character),
            ("http://h /", .character), ("http://h/\u{0}", .character), ("http://h/a\tb", .character),
            ("http://h%41/", .character), ("http://h;x/", .character), ("http://h|x/", .character),
            ("http://<h>/", .character), ("http://h[1]/", .character), ("http://[::1", .ipv6),
            ("http://[::1]x/", .ipv6), ("http://[::1]]/", .ipv6), ("http://[]/", .ipv6),
            ("http://[a]/", .ipv6),
            ("http://[1.2.3.4]/", .ipv6), ("http://[::+1]/", .ipv6), ("http://[v1.a]/", .ipv6),
            ("http://[::1%]/", .ipv6), ("http://[::1%a b]/", .character),
            ("http://[::1%0123456789abcdef]/", .ipv6),
            ("http://[::1%25%41]/", .ipv6), ("http://::1/", .ipv6), ("http://fe80::1/", .ipv6),
            ("http://127.1/", .ipv4), ("http://0x7f.1/", .ipv4), ("http://0177.0.0.1/", .ipv4),
            ("http://1234/", .ipv4), ("http://010.0.0.7/", .ipv4), ("http://256.1.1.1/", .ipv4),
            ("http://1.2.3.4./", .ipv4), ("http://1.2.3.4.5/", .ipv4), ("http://0x/", .ipv4),
            ("http://1.2.3./", .ipv4), ("http://h:0/", .port), ("http://h:65536/", .port),
            ("http://h:+80/", .port),
            ("http://h:p/", .port), ("http://h:8a/", .port), ("http://h:٣/", .port),
            ("http://h:99999999999999999999/", .port), ("http://[::1]:x/", .port),
        ] as [(String, AddressError.Code)])
    func whatIsNoneIsRefusedWithItsReason(text: String, code: AddressError.Code) {
        #expect(HTTPURL(text) == nil)
        let error = #expect(throws: AddressError.self, "\(text)") { try HTTPURL(parsing: text) }
        #expect(error?.code == code)
        #expect(error?.message.isEmpty == false)
    }

    @Test func lengthsHaveBounds() throws {
        let name = String(repeating: "a", count: 255)
        #expect(HTTPURL("http://\(name)/") != nil && HTTPURL("http://\(name)a/") == nil)
        let path = String(repeating: "a", count: HTTPURL.limitBytes - 9)
        #expect(HTTPURL("http://h/\(path)") != nil)
        let error = #expect(throws: AddressError.self) { try HTTPURL(parsing: "http://h/\(path)a") }
        #expect(error?.code == .length)
    }

    @Test(arguments: [
        ("http://a/x", "http://A:80/y", true), ("http://a/x", "http://a:8080/x", false),
        ("http://a/x", "https://a/x", false), ("http://a/x", "http://b/x", false),
        ("http://a/x", "http://u@a/", true), ("http://[::1]/", "http://[0::1]:80/", true),
        ("http://[fe80::1%a]/", "http://[fe80::1%b]/", false),
        ("http://1.2.3.4/", "http://[::ffff:1.2.3.4]/", false),
        ("http://a/", "http://a./", false),
    ])
    func anOriginIsSchemeHostAndPort(one: String, other: String, isSame: Bool) throws {
        let (one, other) = (try HTTPURL(parsing: one), try HTTPURL(parsing: other))
        #expect(one.isSameOrigin(as: other) == isSame && other.isSameOrigin(as: one) == isSame)
    }

    @Test(
        arguments: [
            ("http://10.0.0.7:9100/metrics", "10.0.0.7:9100", "/metrics", 9_100),
            ("http://10.0.0.7/metrics?a=b&c=%20", "10.0.0.7", "/metrics?a=b&c=%20", 80),
            ("http://10.0.0.7:80/", "10.0.0.7", "/", 80),
            ("http://255.255.255.255:65535", "255.255.255.255:65535", "", 65_535),
            ("http://0.0.0.0?x", "0.0.0.0", "?x", 80),
        ] as [(String, String, String, UInt16)])
    func ipv4AddressesAreForThePlainWay(text: String, host: String, target: String, port: UInt16) throws {
        let plain = try #require(HTTPURL(text)?.plainDestination)
        let bytes = Array(text.utf8)
        #expect(String(decoding: bytes[plain.host], as: UTF8.self) == host)
        #expect(String(decoding: bytes[plain.target], as: UTF8.self) == target)
        #expect(plain.port == port && plain.hostHeader == nil)
        #expect(plain.place == .address(try #require(IPAddress(host.part(before: ":"))), zone: nil))
    }

    @Test(
        arguments: [
            ("http://localhost:9100/metrics", "localhost", "localhost:9100"),
            ("http://Node-1.Example.:80/?a", "node-1.example.", "Node-1.Example."),
            ("http://10.0.0.7.example/", "10.0.0.7.example", "10.0.0.7.example"),
            ("http://a_b/", "a_b", "a_b"), ("http://onion/", "onion", "onion"),
        ] as [(String, String, String)])
    func namesAreForThePlainWay(text: String, name: String, host: String) throws {
        let plain = try #require(HTTPURL(text)?.plainDestination)
        #expect(plain.place == .name(name) && plain.hostHeader == nil)
        #expect(String(decoding: Array(text.utf8)[plain.host], as: UTF8.self) == host)
    }

    @Test(
        arguments: [
            ("http://[::1]:9100/metrics", "::1", nil, "[::1]:9100"),
            ("http://[fe80:0:0:0:0:0:0:7%25eth0]/", "fe80::7", "eth0", "[fe80::7]"),
            ("http://[fe80::7%2]:80?x", "fe80::7", "2", "[fe80::7]"),
        ] as [(String, String, String?, String)])
    func ipv6AddressesAreForThePlainWay(text: String, address: String, zone: String?, host: String) throws {
        let plain = try #require(HTTPURL(text)?.plainDestination)
        #expect(plain.place == .address(try #require(IPAddress(address)), zone: zone))
        #expect(plain.hostHeader == host)
    }

    @Test func octetsStandInTheirOrder() throws {
        let place = try #require(HTTPURL("http://1.2.3.4:5/")?.plainDestination).place
        #expect(place == .address(IPAddress(ipv4: 0x0102_0304), zone: nil))
    }

    @Test(arguments: [
        "", "http://", "https://10.0.0.7/", "HTTP://10.0.0.7/", "https://localhost:9100/",
        "http://hidden.onion/", "http://hidden.ONION./", "http://näme/", "http://u@localhost/",
        "http://10.0.0/", "http://10.0.0.256/", "http://010.0.0.7/", "http://0x0a.0.0.7/", "http://10.0.0.7.",
        "http://1.2.3.4444/", "http://10.0.0.7:/", "http://10.0.0.7:0/", "http://10.0.0.7:65536/",
        "http://10.0.0.7:080/", "http://10.0.0.7:123456/", "http://u:p@10.0.0.7/", "http://10.0.0.7:80@evil/",
        "http://10.0.0.7/a#b", "http://10.0.0.7/a b", "http://10.0.0.7/\u{7F}", "http://10.0.0.7/ä",
        "http://10.0.0.7/\r\nX: y", "http://10.0.0.7\\@evil/", "https://[::1]:9100/", "http://10.0.0.7:80x/",
        "unix://10.0.0.7/", "http://[::ffff:10.0.0.7]/", "hTTP://10.0.0.7/", "http://10.0.0.7/#",
    ])
    func everythingElseIsForLibcurl(text: String) {
        #expect(HTTPURL(text)?.plainDestination == nil)
    }
}

extension String {
    fileprivate func part(before mark: Character) -> String { String(prefix { $0 != mark }) }
}
