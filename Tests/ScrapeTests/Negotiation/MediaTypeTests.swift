import Testing

@testable import Scrape

@Suite struct MediaTypeTests {
    @Test(
        arguments: [
            ("text/plain", "text/plain"), ("Text/PLAIN", "text/plain"), ("\ttext/plain ;a=b", "text/plain"),
            ("text/plain;", "text/plain"), ("text/plain; ;", nil), ("text/plain ; ", "text/plain"),
            ("text/plain;a=\"b;c\";d=e", "text/plain"), ("text/plain;a=\"b\\\"c\"", "text/plain"),
            ("text/plain;a=\"\"", "text/plain"), ("text/plain;a=", nil), ("text/plain;=b", nil),
            ("text/plain;a=\"b", nil), ("text/plain;a=b;A=c", nil), ("text/plain;a=b c", nil),
            ("text/plain;a b", nil), ("form", "form"), ("a/b/c", nil), ("/b", nil), ("", nil),
            ("text/plain;\u{e9}=b", nil), ("text/pl\u{e9}in", nil),
        ] as [(String, String?)])
    func headersAreTakenAsInGo(header: String, name: String?) {
        #expect(MediaType(header)?.name == name)
    }

    @Test func longHeadersAreMalformed() {
        let filling = String(repeating: "b", count: MediaType.maxBytes)
        #expect(MediaType("text/plain;a=\(filling)") == nil)
        #expect(MediaType("text/plain;a=\(filling.dropFirst(13))")?.name == "text/plain")
    }
}
