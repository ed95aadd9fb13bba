import Configuration
import HTTPTransport
import TestSupport
import Testing

@testable import RemoteWrite

@Suite(.serialized) struct SentCredentialsTests {
    private static let secret = "hush-hush"

    private static func configuration(_ credentials: SentCredentials) -> RemoteWriteConfiguration {
        var configuration = RemoteWriteConfiguration(url: "http://receiver.example/", name: "main")
        let source = TextSource.text(Secret(secret))
        switch credentials {
        case .sigv4: configuration.sigv4 = SigV4Configuration(accessKey: "a", secretKey: secret)
        case .basic: configuration.http.authentication = .basic(username: source, password: source)
        case .bearer: configuration.http.authentication = .authorization(type: "bearer", credentials: source)
        case .authorization:
            configuration.http.authentication = .authorization(type: secret, credentials: source)
        case .oauth2:
            configuration.http.authentication = .oauth2(
                OAuth2Options(clientID: secret, clientSecret: source, tokenURL: "http://\(secret)/"))
        case .clientCertificate: configuration.http.tls.certificate = source
        case .headers: configuration.headers = [.init(name: "X-Key", value: secret)]
        case .none: break
        }
        return configuration
    }

    @Test(arguments: SentCredentials.allCases) func theKindIsTheEntrys(credentials: SentCredentials) {
        var configuration = Self.configuration(credentials)
        #expect(SentCredentials(configuration) == credentials)
        // A header for the tenant beside credentials is none of them.
        configuration.http.headers = [.init(name: "X-Scope-OrgID", values: ["a"])]
        #expect(SentCredentials(configuration) == (credentials == .none ? .headers : credentials))
    }

    /// What is not signed has nothing to do with IAM and the clock, whatever the receiver's words are. The
    /// line names the kind and what to look at, and nothing secret.
    @Test(arguments: SentCredentials.allCases, [401, 403])
    func theLineNamesWhatWasSentAndWhatToCheck(credentials: SentCredentials, status: Int) {
        let fixture = WriterFixture()
        let log = DestinationLog(fixture.said.logger, SentCredentials(Self.configuration(credentials)))
        let bodies = ["no", "token has expired", "access denied", "scoped to x", "request has expired"]
        for (minute, body) in bodies.enumerated() {
            let answer = ReceiverAnswer(
                HTTPResponse(status: status, body: HTTPBody(Array(body.utf8))), wallMs: 0)
            log.tried(
                .unauthorized, slot: 0, answer, text: "status \(status): \(body)",
                wallMs: Int64(minute) * 60_000)
        }
        let lines = fixture.said.all("remote write is not authorised; samples are held: check ")
        #expect(lines.count == 5)
        for line in lines {
            #expect(line.contains("credentials=\(credentials.name) "))
            #expect(line.contains("held: check \(credentials.toCheck)"))
            #expect(line.contains("remedy="))
            #expect(!line.contains(Self.secret))
            // The reason is the one that the metrics have: it is of the receiver's words.
            let words = ["IAM", "config/iam", "workspace", "sigv4.", "and clock", "set the clock"]
            let isOfAWS = words.contains { line.contains($0) }
            #expect(isOfAWS == (credentials == .sigv4), "\(line)")
        }
    }

    /// 401 is about who asks, 403 mostly about what is allowed.
    @Test func whatIsForbiddenMayBeKnown() {
        #expect(SentCredentials.basic.remedy(.other, isForbidden: true).contains("forbid the write"))
        #expect(!SentCredentials.basic.remedy(.other, isForbidden: false).contains("forbid the write"))
        #expect(SentCredentials.bearer.remedy(.denied, isForbidden: false).contains("forbid the write"))
        #expect(SentCredentials.oauth2.remedy(.expired, isForbidden: true).hasPrefix("they have expired"))
        #expect(SentCredentials.none.remedy(.other, isForbidden: true).contains("sigv4"))
    }

    /// AWS may answer all the same: a URL of AMP without sigv4, or a proxy that signs.
    @Test func theWordsOfAWSAreHeardWithoutASignature() {
        let unsigned = UnauthorizedReason.notSigned.remedy(
            "Missing Authentication Token", .none, isForbidden: true)
        #expect(unsigned.contains("give the entry a sigv4 block") && unsigned.contains("oauth2"))
        let denied = UnauthorizedReason.denied.remedy(
            "not authorized to perform: aps:RemoteWrite on resource: x", .none, isForbidden: true)
        #expect(denied.contains("allow aps:RemoteWrite on the workspace"))
    }
}
