import Testing

@testable import Configuration

/// What Go 1.24's net/url makes of the same texts.
@Suite struct URLWithUserTests {
    @Test(
        arguments: [
            ("http://u:p@h/x", "http://h/x", "u", "p"), ("https://u@h:1", "https://h:1", "u", ""),
            ("http://@h/", "http://h/", "", ""), ("http://:p@h", "http://h", "", "p"),
            ("http://us%40er:p%3Aw@h/a@b", "http://h/a@b", "us@er", "p:w"),
            ("http://a@b:c@h/", "http://h/", "a@b", "c"),
            ("http://u:a:b@[::1]:9/", "http://[::1]:9/", "u", "a:b"),
            ("HTTPS://$!&'()*+,;=-._~:p@h?q", "HTTPS://h?q", "$!&'()*+,;=-._~", "p"),
            ("http://u:%C3%A4@h", "http://h", "u", "ä"), ("http://u:a+b@h", "http://h", "u", "a+b"),
        ])
    func userAndPasswordAreTakenOut(text: String, url: String, name: String, password: String) {
        let parts = URLWithUser(text)
        #expect(parts.url == url && parts.fault == nil)
        #expect(parts.user?.name == Secret(name) && parts.user?.password == Secret(password))
        #expect(!"\(parts)".contains("Optional(\"\(password)\")"))
    }

    @Test(arguments: ["http://h/a@b", "http://h?a@b", "http://h#a@b", "h@x", "", "http:/u@h", "://", "u:p@h"])
    func whatHasNoUserStays(text: String) {
        let parts = URLWithUser(text)
        #expect(parts.url == text && parts.user == nil && parts.fault == nil)
    }

    @Test(arguments: [
        "http://u:geheim%@h", "http://u:geheim%4@h", "http://u:geheim%zz@h", "http://{geheim}:p@h",
        "http://u:geheim x@h", "http://u:geheim\\@h", "http://u:geheim%FF@h", "http://ü:geheim@h",
        "http://u:[geheim]@h", "http://u:geheim\u{0}@h",
    ])
    func whatMayNotStandThereIsAFault(text: String) throws {
        let parts = URLWithUser(text)
        let fault = try #require(parts.fault)
        #expect(parts.user == nil && !fault.contains("geheim") && !parts.url.contains("geheim"))
    }
}
