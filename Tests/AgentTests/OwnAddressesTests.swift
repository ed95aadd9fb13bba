import Addresses
import Configuration
import StatusServer
import Testing

@testable import Agent

struct OwnAddressesTests {
    /// What listens, what is written to, and whether that is the same.
    struct Row: Sendable, CustomTestStringConvertible {
        let listening: String
        let url: String
        let isOwn: Bool

        init(_ listening: String, _ url: String, _ isOwn: Bool) {
            (self.listening, self.url, self.isOwn) = (listening, url, isOwn)
        }

        var testDescription: String { "\(url) at \(listening)" }
    }

    /// A machine called `shop1.example.com` with 10.0.0.7 and fe80::7.
    private func own(_ listening: [String]) throws -> OwnAddresses {
        var own = OwnAddresses(try listening.map(ListenAddress.parse))
        own.hostName = "Shop1.example.com"
        own.interfaces = { ["127.0.0.1", "::1", "10.0.0.7", "fe80::7", "not an address"] }
        return own
    }

    @Test(arguments: [
        Row("127.0.0.1:9090", "http://127.0.0.1:9090/api/v1/write", true),
        Row("127.0.0.1:9090", "HTTP://LOCALHOST:9090", true),
        Row("127.0.0.1:9090", "http://localhost.:9090/", true),
        Row("127.0.0.1:9090", "http://agent.localhost:9090/", true),
        Row("127.0.0.1:9090", "http://0.0.0.0:9090/write", true),
        Row("127.0.0.1:9090", "http://[::ffff:127.0.0.1]:9090/write", true),
        Row("127.0.0.1:80", "http://127.0.0.1/write", true),
        // Others: another port, TLS, another loopback address, another family, another machine.
        Row("127.0.0.1:9090", "http://127.0.0.1:9091/write", false),
        Row("127.0.0.1:9090", "https://127.0.0.1:9090/write", false),
        Row("127.0.0.1:9090", "http://127.0.0.2:9090/write", false),
        Row("127.0.0.1:9090", "http://[::1]:9090/write", false),
        Row("127.0.0.1:9090", "http://[::]:9090/write", false),
        Row("127.0.0.1:9090", "http://10.0.0.7:9090/write", false),
        Row("127.0.0.1:9090", "http://shop1:9090/write", false),
        Row("127.0.0.1:9090", "http://mylocalhost:9090/write", false),
        Row("127.0.0.1:0", "http://127.0.0.1:9090/write", false),
        Row("[::1]:9090", "http://[::1]:9090/write", true),
        Row("[::1]:9090", "http://[::]:9090/write", true),
        Row("[::1]:9090", "http://localhost:9090/write", true),
        Row("[::1]:9090", "http://127.0.0.1:9090/write", false),
        Row("localhost:9090", "http://[::1]:9090/write", true),
        Row("localhost:9090", "http://127.0.0.1:9090/write", true),
        Row("localhost:9090", "http://10.0.0.7:9090/write", false),
        Row("127.0.0.2:9090", "http://localhost:9090/write", false),
        // Every interface.
        Row(":9090", "http://127.0.0.1:9090/write", true),
        Row(":9090", "http://127.3.2.1:9090/write", true),
        Row(":9090", "http://[::1]:9090/write", true),
        Row(":9090", "http://localhost:9090/write", true),
        Row(":9090", "http://10.0.0.7:9090/write", true),
        Row(":9090", "http://[fe80::7%25eth0]:9090/write", true),
        Row(":9090", "http://SHOP1.example.com:9090/write", true),
        Row(":9090", "http://shop1:9090/write", true),
        Row(":9090", "http://10.0.0.8:9090/write", false),
        Row(":9090", "http://shop2:9090/write", false),
        Row(":9090", "http://shop1.example.org:9090/write", false),
        Row("[::]:9090", "http://10.0.0.7:9090/write", true),
        Row("0.0.0.0:9090", "http://10.0.0.7:9090/write", true),
        Row("0.0.0.0:9090", "http://[fe80::7]:9090/write", false),
        // One interface.
        Row("10.0.0.7:9090", "http://10.0.0.7:9090/write", true),
        Row("10.0.0.7:9090", "http://shop1.example.com:9090/write", true),
        Row("10.0.0.7:9090", "http://localhost:9090/write", false),
        Row("10.0.0.7:9090", "http://127.0.0.1:9090/write", false),
        Row("10.0.0.7:9090", "http://0.0.0.0:9090/write", false),
        // By name.
        Row("shop1:9090", "http://shop1:9090/write", true),
        Row("shop1:9090", "http://shop1.example.com:9090/write", true),
        Row("shop1:9090", "http://10.0.0.7:9090/write", true),
        Row("shop1:9090", "http://10.0.0.8:9090/write", false),
        Row("proxy.example.com:9090", "http://proxy.example.com:9090/write", true),
        Row("proxy.example.com:9090", "http://10.0.0.7:9090/write", false),
    ])
    func aURLIsTheAgentsOwnOrAnothers(row: Row) throws {
        let url = try #require(HTTPURL(row.url))
        #expect((try own([row.listening]).reached(by: url) != nil) == row.isOwn)
    }

    @Test func everySuchDestinationIsNamedWithItsPlaceAndNoSecret() throws {
        let text = """
            remote_write:
              - url: http://127.0.0.1:9090/write?token=hush
              - url: http://10.0.0.8:9090/write
              - name: second
                url: http://10.0.0.7:9091/write
            """
        let writes = try Configuration.load(text: Array(text.utf8), file: "a.yml", environment: [:])
            .remoteWrites
        let own = try own(["127.0.0.1:9090", ":9091"])
        let error = #expect(throws: AgentError.self) { try own.refuse(writes, environment: [:]) }
        let lines = error?.message.split(separator: "\n") ?? []
        #expect(lines.count == 2 && error?.code == .configuration)
        #expect(lines.first?.hasPrefix("a.yml:2:10: the url of this remote_write leads to the agent") == true)
        #expect(lines.first?.contains("127.0.0.1:9090 (--web.listen-address)") == true)
        #expect(lines.last?.hasPrefix("a.yml:5:10: ") == true && lines.last?.contains(":9091") == true)
        #expect(error?.message.contains("hush") == false)
    }

    @Test func behindAProxyTheAddressIsAnothers() throws {
        let own = try own(["127.0.0.1:9090"])
        var write = RemoteWriteConfiguration(url: "http://127.0.0.1:9090/write")
        write.http.proxy.url = Secret("http://10.0.0.1:3128")
        try own.refuse([write], environment: [:])
        write.http.proxy.noProxy = "127.0.0.0/8"
        #expect(throws: AgentError.self) { try own.refuse([write], environment: [:]) }
        // What the environment says is never about loopback.
        write.http.proxy = ProxyOptions(fromEnvironment: true)
        #expect(throws: AgentError.self) {
            try own.refuse([write], environment: ["HTTP_PROXY": "http://10.0.0.1:3128"])
        }
    }
}
