import StatusServer
import Testing

struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:9090", "127.0.0.1", 9_090), ("[::1]:9090", "::1", 9_090), ("localhost:0", "localhost", 0),
        ("0.0.0.0:65535", "0.0.0.0", 65_535), ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
        ("my-host.example:80", "my-host.example", 80),
    ])
    func reads(text: String, host: String, port: Int) throws {
        let address = try ListenAddress.parse(text)
        #expect(address == ListenAddress(host: host, port: port))
        #expect(address.description == text)
    }

    @Test(arguments: [
        (":9090", "127.0.0.1:9090"), ("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "127.0.0.1:1"),
        ("[::1]:1", "[::1]:1"), ("10.0.0.7:80", "10.0.0.7:80"),
    ])
    func isReachedFromItsOwnMachine(text: String, authority: String) throws {
        #expect(try ListenAddress.parse(text).localAuthority == authority)
    }

    @Test(arguments: [("", []), (" ,", []), (":1", [":1"]), (":1, [::1]:2", [":1", "[::1]:2"])])
    func aVariableHasAnyNumber(text: String, addresses: [String]) {
        #expect(ListenAddress.list(text) == addresses)
    }

    @Test func noHostIsEveryInterface() throws {
        let address = try ListenAddress.parse(":9090")
        #expect(address.host == nil)
        #expect(address.description == ":9090")
    }

    @Test(arguments: [
        "", ":", "9090", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
        "::1:9090",
        "[::1]", "[::1]9090", "[127.0.0.1]:9090", "[::1:9090", "a b:1", "a/b:1", "http://h:1", "h:1,h:2",
        "h:0x1",
        "h:999999999999999999999", "[]:1", "h:१",
    ])
    func refuses(text: String) {
        let error = #expect(throws: StatusError.self) { try ListenAddress.parse(text) }
        #expect(error?.code == .badAddress)
        #expect(error?.message.hasPrefix("'\(text)' is no listen address: ") == true)
    }
}
