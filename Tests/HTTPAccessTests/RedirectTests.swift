import Testing

@testable import HTTPAccess

@Suite struct RedirectTests {
    @Test(arguments: [
        ("/x", "http://a:1/x"), ("x", "http://a:1/b/x"), ("../x?y=1#z", "http://a:1/x?y=1"),
        ("./", "http://a:1/b/"), ("..", "http://a:1/"), ("../../../x", "http://a:1/x"),
        ("?q=2", "http://a:1/b/c?q=2"), ("//h:2/p", "http://h:2/p"), ("https://h/p", "https://h/p"),
        ("", "http://a:1/b/c?q=1"), ("/ä b", "http://a:1/%C3%A4%20b"), ("/a:b", "http://a:1/a:b"),
    ])
    func locationsResolveAsInTheRFC(location: String, expected: String) {
        #expect(Redirect.resolve(location, from: "http://a:1/b/c?q=1") == expected)
    }

    @Test(arguments: ["ftp://a/", "file:///etc/passwd", "javascript:x", "http://", "//"])
    func otherSchemesLeadNowhere(location: String) {
        #expect(Redirect.resolve(location, from: "http://a/") == nil)
    }
}
