import Testing

@testable import HTTPTransport

@Suite struct URLAuthorityTests {
    @Test func partsOfAURL() throws {
        let url = try #require(URLAuthority("HTTPS://u:p@Host.example:8443/a/b?c=d#e"))
        #expect(url.scheme == "https" && url.host == "host.example" && url.port == "8443")
        #expect(url.rest == "/a/b?c=d#e")
        #expect(url.hostHeader == "host.example:8443")
        #expect(url.url(host: "other") == "https://other:8443/a/b?c=d#e")
    }

    @Test func anIPv6AddressKeepsItsBrackets() throws {
        let url = try #require(URLAuthority("http://[::1]:9100/metrics"))
        #expect(url.host == "[::1]" && url.port == "9100")
        #expect(try #require(URLAuthority("http://[::1]/")).effectivePort == "80")
        #expect(url.url(host: "::2") == "http://[::2]:9100/metrics")
    }

    @Test(arguments: ["", "ftp://a/", "http://", "http:///x", "http://[::1", "http://[::1]x/", "//a", "a:80"])
    func whatIsNoHTTPURLHasNoAuthority(text: String) {
        #expect(URLAuthority(text) == nil)
    }

    @Test func anOriginIsSchemeHostAndPort() throws {
        let one = try #require(URLAuthority("http://a/x"))
        for (other, same) in [
            ("http://A:80/y", true), ("http://a:8080/x", false), ("https://a/x", false),
            ("http://b/x", false),
        ] {
            #expect(one.isSameOrigin(as: try #require(URLAuthority(other))) == same, "\(other)")
        }
    }
}
