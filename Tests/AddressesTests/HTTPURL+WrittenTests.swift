import Testing

@testable import Addresses

@Suite struct HTTPURLWrittenTests {
    @Test(arguments: [
        "http://h", "https://h:1/a%20b?c=%2F", "http://[::1]:9100/", "http://[fe80::1%25eth0]/",
        "HTTP://10.0.0.7/",
        "http://a.b-c_d/?x='(!)*'",
    ])
    func whatCanBeSentAsItIsPasses(text: String) throws {
        #expect(try HTTPURL(parsing: text).writtenProblem == nil)
    }

    @Test(
        arguments: [
            ("http://u:geheim@h/", .user), ("http://@h/", .user), ("http://h/ä", .character),
            ("http://münchen/", .character), ("http://h/{id}", .character), ("http://h/<id>", .character),
            ("http://h/a\\b", .character), ("http://h/%zz", .percent), ("http://h/%4", .percent),
            ("http://h/%", .percent), ("http://[fe80::1%eth0]/", .percent), ("http://h/#", .fragment),
            ("http://h/x#y", .fragment), ("http://h:/", .port),
        ] as [(String, AddressError.Code)])
    func whatSomebodyShouldMendIsSaid(text: String, code: AddressError.Code) throws {
        let problem = try HTTPURL(parsing: text).writtenProblem
        #expect(problem?.code == code && problem?.message.contains("geheim") == false)
    }

    @Test(
        arguments: [
            ("http://h:0/x", "http://h:0/x"), ("http://h:0/x?token=geheim", "http://h:0/x?…"),
            ("h#geheim?", "h#…"), ("", ""), ("?", "?…"), ("http://u:geheim@h:0/", nil), ("/x?a@geheim", nil),
            ("http://h/ä?\u{301}geheim", "http://h/ä?…"),
        ] as [(String, String?)])
    func whatIsWrongIsShownWithoutSecrets(text: String, shown: String?) {
        #expect(HTTPURL.shownStart(of: text) == shown)
    }
}
