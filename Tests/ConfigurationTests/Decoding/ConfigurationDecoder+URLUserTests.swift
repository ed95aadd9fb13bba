import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderURLUserTests {
    private static let user = HTTPClientOptions.Authentication.basic(
        username: .text(Secret("u")), password: .text(Secret("geheim")))

    private func write(_ rest: String) throws -> (RemoteWriteConfiguration?, warnings: [String]) {
        let loaded = try load("remote_write: [{url: 'http://u:geheim@h/x'\(rest)}]")
        return (loaded.remoteWrites.first, loaded.warnings.map(\.description))
    }

    @Test func theUserOfAURLIsWhoAsksAndNeverShown() throws {
        let (write, warnings) = try write("")
        #expect(write?.url == "http://h/x" && write?.http.authentication == Self.user && warnings.isEmpty)
        // Another password is the same destination, whose cursor goes by the name.
        #expect(write?.name == RemoteWriteConfiguration.name(forURL: "http://h/x"))
        let job = try load(job("http_sd_configs: [{url: 'HTTP://u:geheim@h/sd'}]")).scrapeConfigs.first
        #expect(job?.httpSDConfigs.first?.url == "HTTP://h/sd")
        #expect(job?.httpSDConfigs.first?.http.authentication == Self.user)
        var dumped = ""
        dump((write, job), to: &dumped)
        #expect(!dumped.contains("geheim") && !"\(String(describing: write))".contains("geheim"))
    }

    /// What Prometheus 2.42 was seen to send.
    @Test(arguments: [
        (", basic_auth: {username: b, password: other}", "basic_auth has no effect, as in Prometheus"),
        (", authorization: {credentials: other}", "authorization has no effect, as in Prometheus"),
        (", bearer_token: other", "bearer_token has no effect, as in Prometheus"),
    ])
    func theUserOfAURLComesBeforeTheBlocksOwn(rest: String, warning: String) throws {
        let (write, warnings) = try write(rest)
        #expect(write?.http.authentication == Self.user)
        #expect(warnings.count == 1 && warnings[0].contains(warning), "\(warnings)")
        #expect(!warnings[0].contains("geheim") && !warnings[0].contains("other"))
    }

    @Test func aTokenComesBeforeTheUserOfAURL() throws {
        let (write, warnings) = try write(", oauth2: {client_id: i, token_url: 'http://t/'}")
        if case .oauth2 = write?.http.authentication {} else { Issue.record("\(String(describing: write))") }
        #expect(warnings.count == 1 && warnings[0].contains("url's user and password have no effect"))
    }

    @Test func aSignatureAndAUserAreRefused() {
        let found = errors("remote_write: [{url: 'http://u:geheim@h/x', sigv4: {region: a-b}}]")
        #expect(found.count == 1 && found[0].hasPrefix("1:22: url has a user or password, which"), "\(found)")
        #expect(!found[0].contains("geheim"))
    }

    @Test func otherURLsHaveNoUser() {
        let token = "oauth2: {client_id: i, token_url: 'http://u:geheim@t/'}"
        let found = errors(job(token) + "    ecs_sd_configs: [{endpoint: 'http://u:geheim@e/'}]\n")
        #expect(found.count == 2 && found.allSatisfy { $0.contains("must not hold a user or password") })
        #expect(!found.contains { $0.contains("geheim") })
    }
}
