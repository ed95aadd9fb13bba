import Testing

@testable import HTTPTransport

struct URLPlaceTests {
    @Test(arguments: [
        ("http://h/m", "http://h/m"), ("HTTPS://H:8443", "https://H:8443"),
        ("http://u:p@h:1/a/b?token=s#f", "http://h:1/a/b"), ("http://u:p@h?x", "http://h"),
        ("http://a@b@h/x", "http://h/x"), ("http://[::1]:9100/m?q", "http://[::1]:9100/m"),
        ("http://h/a@b", "http://h/a@b"),
    ])
    func showsTheServerAndPathOnly(url: String, shown: String) {
        #expect(URLPlace(url)?.text == shown)
    }

    @Test(arguments: [
        "", "http://", "http:///x", "http://u@/x", "http://:80/", "https//h", "http://h/a b", "http://h\n",
    ])
    func whatIsNoWebURLHasNoPlace(url: String) {
        #expect(URLPlace(url) == nil)
    }
}
