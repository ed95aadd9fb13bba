import Testing

@testable import HTTPTransport

struct PlainURLTests {
    @Test(
        arguments: [
            ("http://10.0.0.7:9100/metrics", "10.0.0.7:9100", "/metrics", 9_100),
            ("http://10.0.0.7/metrics?a=b&c=%20", "10.0.0.7", "/metrics?a=b&c=%20", 80),
            ("http://10.0.0.7:80/", "10.0.0.7", "/", 80),
            ("http://255.255.255.255:65535", "255.255.255.255:65535", "", 65_535),
            ("http://0.0.0.0?x", "0.0.0.0", "?x", 80),
        ] as [(String, String, String, UInt16)])
    func addressesAreTakenApart(url: String, host: String, target: String, port: UInt16) throws {
        let plain = try #require(PlainURL(url))
        let bytes = Array(url.utf8)
        #expect(String(decoding: bytes[plain.host], as: UTF8.self) == host)
        #expect(String(decoding: bytes[plain.target], as: UTF8.self) == target)
        #expect(plain.address.port == port)
    }

    @Test func octetsStandInTheirOrder() throws {
        #expect(try #require(PlainURL("http://1.2.3.4:5/")).address.address == 0x0102_0304)
    }

    @Test(arguments: [
        "", "http://", "https://10.0.0.7/", "HTTP://10.0.0.7/", "http://localhost:9100/",
        "http://10.0.0.7.example/",
        "http://10.0.0/", "http://10.0.0.256/", "http://010.0.0.7/", "http://0x0a.0.0.7/", "http://10.0.0.7.",
        "http://1.2.3.4444/", "http://10.0.0.7:/", "http://10.0.0.7:0/", "http://10.0.0.7:65536/",
        "http://10.0.0.7:080/", "http://10.0.0.7:123456/", "http://u:p@10.0.0.7/", "http://10.0.0.7:80@evil/",
        "http://10.0.0.7/a#b", "http://10.0.0.7/a b", "http://10.0.0.7/\u{7F}", "http://10.0.0.7/ä",
        "http://10.0.0.7/\r\nX: y", "http://10.0.0.7\\@evil/", "http://[::1]:9100/", "http://10.0.0.7:80x/",
        "unix://10.0.0.7/",
    ])
    func everythingElseIsForLibcurl(url: String) {
        #expect(PlainURL(url) == nil)
    }
}
