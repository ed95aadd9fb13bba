import Addresses
import Testing

@testable import HTTPAccess

@Suite struct LocalHostsTests {
    @Test(arguments: [
        ("169.254.169.254", true), ("169.254.170.2", true), ("[fd00:ec2::254]", true),
        ("[fd00:ec2::23]", true), ("[fe80::1]", true), ("127.9.8.7", true), ("[::1]", true),
        ("LOCALHOST", true), ("[::ffff:169.254.169.254]", true), ("169.253.0.1", false), ("10.0.0.1", false),
        ("[fd00:ec3::1]", false), ("169.254.169.254.example", false), ("localhost.example", false),
    ])
    func whatIsOnThisMachineOrItsLink(host: String, expected: Bool) throws {
        #expect(LocalHosts.contains(try HTTPURL(parsing: "http://\(host)/")) == expected)
    }
}
