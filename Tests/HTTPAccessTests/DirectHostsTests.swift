import Addresses
import Testing

@testable import HTTPAccess

@Suite struct DirectHostsTests {
    /// The rules of Go's httpproxy package (FromEnvironment's documentation).
    @Test(arguments: [
        ("example.com", "example.com", "80", true), ("example.com", "a.b.example.com", "80", true),
        ("example.com", "notexample.com", "80", false), (".example.com", "example.com", "80", false),
        (".example.com", "a.example.com", "80", true), ("*.example.com", "a.example.com", "80", true),
        ("*.example.com", "example.com", "80", false), ("example.com:8080", "example.com", "8080", true),
        ("example.com:8080", "example.com", "80", false), ("EXAMPLE.com", "a.Example.COM", "80", true),
        ("10.0.0.0/8", "10.255.0.1", "80", true), ("10.0.0.0/8", "11.0.0.1", "80", false),
        ("10.0.0.0/9", "10.128.0.1", "80", false), ("2001:db8::/32", "[2001:db8:1::5]", "80", true),
        ("192.168.1.1", "192.168.1.1", "9100", true), ("192.168.1.1:80", "192.168.1.1", "9100", false),
        ("[2001:db8::1]:80", "[2001:db8::1]", "80", true), ("2001:db8::1", "[2001:db8:0::1]", "1", true),
        ("*", "anything.example", "1", true), ("a, b ,c", "b", "1", true), ("", "a", "1", false),
        ("", "localhost", "1", true), ("", "127.9.9.9", "1", true), ("", "[::1]", "1", true),
        ("10.0.0.0/33", "10.0.0.1", "1", false), (":80", "a", "80", false), ("/8,,//", "a", "80", false),
        ("::ffff:10.0.0.1", "10.0.0.1", "80", true),
    ])
    func hostsAreFoundAsInGo(list: String, host: String, port: String, expected: Bool) throws {
        #expect(DirectHosts(list).contains(try HTTPURL(parsing: "http://\(host):\(port)/")) == expected)
    }
}
