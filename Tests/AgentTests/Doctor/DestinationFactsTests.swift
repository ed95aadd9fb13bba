import Configuration
import HTTPTransport
import RemoteWrite
import Testing

@testable import Agent

struct DestinationFactsTests {
    private static let workspace =
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"

    private func facts(
        _ write: WriteProbe.Answer?, url: String = workspace, isSigned: Bool = true,
        region: String? = "eu-west-1", service: String = "aps",
        reach: DestinationFacts.Reach = .answered(status: 403, afterMs: 35)
    ) -> DestinationFacts {
        let block = SigV4Configuration(serviceName: service)
        var facts = DestinationFacts(
            RemoteWriteConfiguration(url: url, name: "amp", sigv4: isSigned ? block : nil))
        facts.region = region
        facts.reach = reach
        facts.write = write
        return facts
    }

    @Test func aDestinationThatTakesWritesIsWell() {
        #expect(
            facts(.status(200, text: "status 200")).lines.map(\.text) == [
                "ok       destination amp: \(Self.workspace) is reached over TLS, and answered after 35 ms "
                    + "(status 403)",
                "ok       region amp: eu-west-1",
                "ok       write amp: a write without samples is taken (status 200)",
            ])
    }

    @Test func oneWithoutANameIsCalledByItsURLWithoutSecrets() {
        let entry = RemoteWriteConfiguration(url: "http://h:1/write?token=hunter2")
        #expect(DestinationFacts(entry).name == "http://h:1/write")
        #expect(DestinationFacts(RemoteWriteConfiguration(url: Self.workspace)).name == "ws-1")
    }

    private func remedy(_ write: WriteProbe.Answer, isSigned: Bool = true, service: String = "aps") -> String?
    {
        let line = facts(write, isSigned: isSigned, service: service).lines.last
        #expect(line?.verdict == .wrong)
        return line?.remedy
    }

    @Test func theMissingActionIsNamed() {
        let denied = WriteProbe.Answer.status(
            403,
            text: #"status 403: {"message":"User: arn:aws:sts::1:assumed-role/r/s is not authorized to "#
                + #"perform: aps:RemoteWrite on resource: arn:aws:aps:eu-west-1:1:workspace/ws-1"}"#)
        let wanted =
            "allow aps:RemoteWrite on the workspace in the policy of these credentials "
            + "(config/iam/remote-write.json)"
        #expect(remedy(denied) == wanted)
        #expect(remedy(.status(403, text: "status 403")) == wanted)
        #expect(remedy(.status(403, text: "no"), service: "es") == "allow these credentials to write there")
    }

    @Test(arguments: [
        (403, "The request signature we calculated does not match", "write the secret access key"),
        (403, "Credential should be scoped to a valid region", "set sigv4.region"),
        (403, "The security token included in the request is invalid.", "renew the credentials"),
        (404, "no such path", "look at the url: its path"),
        (307, "it redirects to https://h/", "write the url that it redirects to"),
        (405, "", "look at the url's path"), (415, "", "name a receiver of remote write 1.0"),
        (429, "", "ask for higher quotas"), (422, "", "look at what the receiver says"),
        (503, "", "look at the receiver"), (407, "", "give the proxy's user"),
    ])
    func eachRefusalHasItsRemedy(status: Int, said: String, words: String) {
        #expect(remedy(.status(status, text: "status \(status): \(said)"))?.hasPrefix(words) == true)
    }

    /// Whether a workspace takes a write without samples is its own affair: it looks at who asks first.
    @Test func aWorkspaceThatDislikesAnEmptyWriteAllowsOthers() {
        let answer = WriteProbe.Answer.status(400, text: "status 400: empty")
        #expect(facts(answer).lines.last?.verdict == .ok)
        #expect(facts(answer, url: "http://receiver/write").lines.last?.verdict == .wrong)
    }

    @Test func oneThatIsNotSignedHasOtherCredentials() {
        let line = facts(.status(401, text: "status 401"), isSigned: false).lines
        #expect(line.map(\.check) == ["destination", "write"])
        #expect(line.last?.remedy == "look at basic_auth, authorization or oauth2 of the entry")
    }

    /// A refused signature is explained with the request that was signed, session token included.
    @Test func aSessionTokenIsNotRepeated() {
        let text =
            #"status 403: {"message":"The request signature … documentation for details.\n\nThe "#
            + #"Canonical String for this request should have been\n'POST\nx-amz-security-token:hunter2"#
        let lines = facts(.status(403, text: text)).lines
        #expect(lines.last?.message.hasSuffix("documentation for details.") == true)
        let again = DestinationFacts.firstLine("a The Canonical String x-amz-security-token:hunter2")
        #expect(again == "a ")
    }

    @Test func whatWasNotSentIsSkippedWhereAnotherLineSaysWhy() {
        let gone = DestinationFacts.Reach.failed(HTTPError(.connect, "POST https://h: refused"))
        let lines = facts(.unreachable("refused"), reach: gone).lines
        #expect(lines.map(\.verdict) == [.wrong, .ok, .skipped])
        #expect(facts(.unsigned("no credentials")).lines.last?.verdict == .skipped)
        #expect(facts(.unreachable("timed out")).lines.last?.verdict == .wrong)
    }

    @Test(arguments: [
        (HTTPError.Code.resolve, "look at the host's name"), (.connect, "let this machine reach that port"),
        (.tls, "look at the certificate"), (.timeout, "look at security groups"),
        (.credentials, "look at the files"), (.malformedResponse, "look at remote_write.url"),
    ])
    func eachFaultOfTheWayHasItsRemedy(code: HTTPError.Code, words: String) {
        let lines = facts(nil, reach: .failed(HTTPError(code, "on cue"))).lines
        #expect(lines[0].verdict == .wrong && lines[0].remedy?.hasPrefix(words) == true)
    }

    @Test(arguments: [
        (
            HTTPError.Code.connect,
            "GET https://h/w: no connection to the proxy p:1: CONNECT tunnel failed, response 407",
            "give the proxy's user and password in proxy_url"
        ),
        (
            .connect, "no connection to the proxy p:1: CONNECT tunnel failed, response 403",
            "let the proxy connect to the destination's host"
        ),
        (
            .resolve, "no connection to the proxy p:1: Could not resolve proxy: p",
            "look at the name of the proxy (proxy_url"
        ),
        (.connect, "no connection to the proxy p:1: refused", "let this machine reach the proxy"),
        (
            .connect, "POST http://id:1/token: no connection: refused",
            "look at token_url of oauth2, and let this machine reach it"
        ),
    ])
    func whatStandsBeforeTheDestinationHasARemedyOfItsOwn(
        code: HTTPError.Code, message: String, words: String
    ) {
        var facts = facts(nil, reach: .failed(HTTPError(code, message)))
        facts.tokenURL = "http://id:1/token"
        #expect(facts.lines[0].remedy?.hasPrefix(words) == true)
    }

    @Test func theRegionsOfSignatureAndWorkspaceAreCompared() {
        let other = facts(nil, region: "us-east-1").lines[1]
        #expect(other.text.hasSuffix("requests are signed for us-east-1; set sigv4.region to eu-west-1"))
        #expect(facts(nil, region: nil).lines[1].verdict == .wrong)
    }
}
