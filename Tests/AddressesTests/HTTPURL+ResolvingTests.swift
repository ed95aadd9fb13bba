import Testing

@testable import Addresses

@Suite struct HTTPURLResolvingTests {
    @Test(arguments: [
        ("/x", "http://a:1/x"), ("x", "http://a:1/b/x"), ("../x?y=1#z", "http://a:1/x?y=1"),
        ("./", "http://a:1/b/"), ("..", "http://a:1/"), ("../../../x", "http://a:1/x"),
        ("?q=2", "http://a:1/b/c?q=2"), ("//h:2/p", "http://h:2/p"), ("https://h/p", "https://h/p"),
        ("", "http://a:1/b/c?q=1"), ("/ä b", "http://a:1/%C3%A4%20b"), ("/a:b", "http://a:1/a:b"),
        ("#f", "http://a:1/b/c?q=1"), ("metrics?a=b c", "http://a:1/b/metrics?a=b+c"), (".", "http://a:1/b/"),
        ("/a/./b/../c", "http://a:1/a/c"), ("//h/a/../b", "http://h/a/../b"),
        ("HTTP://H?a b#c", "HTTP://H?a+b"),
        ("x/y/..", "http://a:1/b/x/"), ("/..//x", "http://a:1//x"), ("?", "http://a:1/b/c?"),
        ("https://u:p@h/ü?ü", "https://u:p@h/%C3%BC?%C3%BC"), ("/a%20b%zz", "http://a:1/a%20b%zz"),
        ("1:2", "http://a:1/b/1:2"), ("\u{301}", "http://a:1/b/%CC%81"),
        ("/\u{301}/x", "http://a:1/%CC%81/x"),
    ])
    func locationsResolveAsInTheRFC(location: String, expected: String) throws {
        let base = try HTTPURL(parsing: "http://u:p@a:1/b/c?q=1#f")
        #expect(try base.resolving(location).text == expected)
    }

    /// RFC 3986 §5.4, its examples that stay with http.
    @Test(arguments: [
        ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
        ("//g", "http://g"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"),
        ("", "http://a/b/c/d;p?q"), (";x", "http://a/b/c/;x"), ("g;x?y#s", "http://a/b/c/g;x?y"),
        ("../..", "http://a/"), ("../../g", "http://a/g"), ("../../../../g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."), ("..g", "http://a/b/c/..g"), ("./../g", "http://a/b/g"),
        ("g;x=1/../y", "http://a/b/c/y"), ("g?y/../x", "http://a/b/c/g?y/../x"),
    ])
    func examplesOfTheRFC(location: String, expected: String) throws {
        #expect(try HTTPURL(parsing: "http://a/b/c/d;p?q").resolving(location).text == expected)
    }

    @Test(arguments: [
        ("https://user:hunter2@other.example/login?token=hunter2#x", "https://other.example/login"),
        ("/login?token=hunter2", "/login"), ("/\u{1}bad", "/\u{1}bad"), ("a/b@c#hunter2", "a/b@c"), ("", ""),
        ("//u:hunter2@h:1/x?y", "//h:1/x"), ("//u:hunter2@", "a malformed URL"),
        ("ftp://u:hunter2@h/", "a malformed URL"), ("http:/u:hunter2@h/", "a malformed URL"),
        ("http://u:hunter2@h/a b", "a malformed URL"), ("\\\\u:hunter2@h/", "a malformed URL"),
        ("/\\u:hunter2@h/", "a malformed URL"), ("?hunter2", ""),
        ("1http://u:hunter2@h/x", "1http://…"), ("ht tp://u:hunter2@h/x", "ht tp://…"),
        ("/to/http://u:hunter2@h/x", "/to/http://…"), ("/to/http://h/x", "/to/http://h/x"),
        ("https://h/to/http://u:hunter2@h/x", "https://h/to/http://…"),
        ("https://h/a@b/x", "https://h/a@b/x"),
        ("//h/http://u:hunter2@h/x", "//h/http://…"), ("/a@b/http://h", "/a@b/http://h"),
    ])
    func aLocationIsShownWithoutSecrets(location: String, shown: String) {
        #expect(HTTPURL.shown(reference: location) == shown)
    }

    @Test func aBaseWithoutPathHasARoot() throws {
        let base = try HTTPURL(parsing: "http://a")
        #expect(try base.resolving("x").text == "http://a/x" && base.resolving("?y").text == "http://a/?y")
    }

    @Test(
        arguments: [
            ("ftp://a/", .scheme), ("file:///etc/passwd", .scheme), ("javascript:x", .scheme),
            ("http:x", .scheme),
            ("http:/x", .scheme), ("http://", .host), ("//", .host), ("///x", .host), ("http:///x", .host),
            ("//a b/", .character), ("/a\tb", .character), ("/a\r\nb", .character), ("//u@v@h/", .user),
            ("//127.1/", .ipv4), ("http:", .scheme), ("x:", .scheme),
        ] as [(String, AddressError.Code)])
    func otherLocationsLeadNowhere(location: String, code: AddressError.Code) throws {
        let base = try HTTPURL(parsing: "http://a/")
        let error = #expect(throws: AddressError.self, "\(location)") { try base.resolving(location) }
        #expect(error?.code == code)
    }
}
