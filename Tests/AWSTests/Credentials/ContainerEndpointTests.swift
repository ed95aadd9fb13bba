import Testing

@testable import AWS

struct ContainerEndpointTests {
    static let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    static let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"

    @Test func theRelativeURIComesFirstAndGoesToTheAgent() throws {
        let both = [Self.relative: "/v2/credentials/id", Self.full: "https://h/x"]
        #expect(try ContainerEndpoint.find(both)?.url == "http://169.254.170.2/v2/credentials/id")
        #expect(try ContainerEndpoint.find([:]) == nil)
        #expect(try ContainerEndpoint.find([Self.relative: "", Self.full: ""]) == nil)
    }

    @Test(arguments: [
        "https://credentials.example/x", "http://127.0.0.1:1/x", "http://127.255.0.9/x", "http://localhost/x",
        "http://[::1]:80/x", "http://169.254.170.2/x", "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
    ])
    func hostsOnThisMachineMayBeAskedInClearText(url: String) throws {
        #expect(try ContainerEndpoint.find([Self.full: url])?.url == url)
    }

    @Test(arguments: [
        "http://example.com/x", "http://169.254.169.254/x", "http://127.0.0.1.example.com/x",
        "http://127.0.0.1@evil.example/x", "http://1270.0.0.1/", "http://127.0.0.256/", "http://127.0.1/",
        "http://127.0.0.1\u{301}/", "ftp://127.0.0.1/x", "127.0.0.1/x", "http:///x",
        "http://0177.0.0.1/x", "http://169.254.43518/x", "http://[fd00:ec2::24]/x", "http://localhost./x",
    ])
    func othersMayNot(url: String) {
        #expect(throws: AWSError.self) { try ContainerEndpoint.find([Self.full: url]) }
    }

    @Test(arguments: ["v2/x", "@evil.example/x", ".evil.example/x"])
    func aRelativeURICannotMoveTheHost(text: String) {
        #expect(throws: AWSError.self) { try ContainerEndpoint.find([Self.relative: text]) }
    }
}
