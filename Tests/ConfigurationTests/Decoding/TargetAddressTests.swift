import Testing

@testable import Configuration

@Suite struct TargetAddressTests {
    @Test(arguments: [
        "a", "a:1", "a.b-c:65535", "10.0.0.1:9100", "[::1]", "[::1]:9100", "[fe80::1%eth0]:9100",
        "münchen:80",
    ])
    func hostsAndPortsPass(text: String) {
        #expect(TargetAddress.problem(text) == nil)
    }

    @Test(arguments: [
        "", "a/b", "http://a", "a b", "a:", ":1", "a:0", "a:65536", "a:x", "::1", "[::1", "[::1]x", "a?b",
        "a#b",
        "u@a:1", "a\n:1", "{a}", "a:٣",
    ])
    func theRestHasAProblem(text: String) {
        #expect(TargetAddress.problem(text) != nil)
    }
}
