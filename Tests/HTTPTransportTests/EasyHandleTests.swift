import HTTPTransport
import Platform
import Testing

/// What the options of a transfer bring about: TLS is verified, proxies are not taken from the environment.
@Suite(.timeLimit(.minutes(1)))
struct EasyHandleTests {
    static var hasOpenSSL: Bool { ((try? POSIXFiles().status(TLSServer.tool)) ?? nil) != nil }

    /// Asks until the server listens.
    func ask(_ server: TLSServer, _ configuration: HTTPClientConfiguration) async throws -> Result<
        Int, HTTPError
    > {
        try await withClient(configuration) { client in
            let clock = SystemClock()
            let endNs = clock.monotonicNs + 45_000_000_000
            while true {
                do throws(HTTPError) {
                    return .success(try await client.perform(HTTPRequest(url: server.url)).status)
                } catch {
                    guard error.code == .connect, clock.monotonicNs < endNs else { return .failure(error) }
                    await Task.yield()
                }
            }
        }
    }

    @Test(.enabled(if: hasOpenSSL, "the openssl tool is not installed"))
    func onlyATrustedCertificateOfTheRightNameIsTaken() async throws {
        let right = try TLSServer(subject: "IP:127.0.0.1")
        defer { right.stop() }
        let trusting = HTTPClientConfiguration(caFile: right.certificatePath)
        let first = try await ask(right, trusting)
        #expect(try first.get() == 200)
        guard case .failure(let untrusted) = try await ask(right, HTTPClientConfiguration()) else {
            Issue.record("a certificate nobody vouches for was taken")
            return
        }
        #expect(untrusted.code == .tls, "\(untrusted)")

        let wrong = try TLSServer(subject: "DNS:other.example")
        defer { wrong.stop() }
        let other = HTTPClientConfiguration(caFile: wrong.certificatePath)
        guard case .failure(let mismatch) = try await ask(wrong, other) else {
            Issue.record("a certificate for another name was taken")
            return
        }
        #expect(mismatch.code == .tls, "\(mismatch)")
    }

    @Test func plainTextWhereTLSIsExpectedIsNamed() async throws {
        try await RawServer.with({ _ = $0.write("220 mail.example ESMTP\r\n") }) { server in
            try await withClient { client in
                let error = await failure(of: HTTPRequest(url: "https://127.0.0.1:\(server.port)/"), client)
                #expect(error?.code == .tls || error?.code == .connectionReset, "\(error?.message ?? "")")
            }
        }
    }

    @Test func aMissingCertificateFileIsATLSError() async throws {
        try await RawServer.with({ $0.waitForClose() }) { server in
            try await withClient(HTTPClientConfiguration(caFile: "/nowhere/ca.pem")) { client in
                let error = await failure(of: HTTPRequest(url: "https://127.0.0.1:\(server.port)/"), client)
                #expect(error?.code == .tls, "\(error?.message ?? "")")
                #expect(error?.message.contains("/nowhere/ca.pem") == true)
            }
        }
    }
}
