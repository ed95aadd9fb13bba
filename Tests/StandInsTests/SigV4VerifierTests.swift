import Cryptography
import AWS
import FoundationEssentials
import Glibc
import HTTPServer
import HTTPTransport
import Platform
import TestSupport
import Testing

@testable import StandIns

struct SigV4VerifierTests {
    private static let nowMs: Int64 = 1_440_938_160_000
    private static let key = Credentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret")

    /// A request signed for `eu-west-1` and `aps`, with what the test changes afterwards.
    private func signed(
        _ credentials: Credentials = key, region: String = "eu-west-1", service: String = "aps",
        body: [UInt8] = [1, 2, 3], timestampMs: Int64 = nowMs,
        target: String = "/workspaces/ws/api/v1/remote_write"
    ) throws -> ServerRequest {
        let plain = [
            HTTPHeader(name: "Content-Type", value: "application/x-protobuf"),
            HTTPHeader(name: "Content-Encoding", value: "snappy"),
        ]
        let added = try SigV4Signer(region: region, service: service).sign(
            method: .post, url: "http://127.0.0.1:1234\(target)", headers: plain,
            payloadSHA256Hex: SHA256.hex(bytes: body), credentials: credentials, timestampMs: timestampMs)
        let fields = [ServerHeader("Host", "127.0.0.1:1234"), ServerHeader("User-Agent", "x")]
        return ServerRequest(
            method: "POST", target: target,
            headers: ServerHeaders(fields + (plain + added).map { ServerHeader($0.name, $0.value) }),
            body: body)
    }

    private func refusal(
        _ request: ServerRequest, _ credentials: Credentials = key, nowMs: Int64 = nowMs
    ) -> SigV4Refusal? {
        let verifier = SigV4Verifier(
            credentials: credentials, region: "eu-west-1", service: "aps", clock: ManualClock(wallMs: nowMs))
        do throws(SigV4Refusal) {
            try verifier.verify(request)
            return nil
        } catch {
            return error
        }
    }

    private func changed(
        _ request: ServerRequest, method: String? = nil, target: String? = nil, body: [UInt8]? = nil,
        _ header: (String, String)? = nil
    ) -> ServerRequest {
        var fields = request.headers.fields
        if let header {
            fields.removeAll { $0.name.lowercased() == header.0.lowercased() }
            fields.append(ServerHeader(header.0, header.1))
        }
        return ServerRequest(
            method: method ?? request.method, target: target ?? request.target,
            headers: ServerHeaders(fields),
            body: body ?? request.body)
    }

    /// AWS' documents ask for Content-Type among the signed headers, and its services take requests without.
    @Test func contentTypeNeedNotBeSignedWhereThatIsNotRequired() throws {
        let plain = [HTTPHeader(name: "Content-Encoding", value: "snappy")]
        let added = try SigV4Signer(region: "eu-west-1", service: "aps").sign(
            method: .post, url: "http://h/w", headers: plain, payloadSHA256Hex: SHA256.hex(bytes: [1]),
            credentials: Self.key, timestampMs: Self.nowMs)
        let fields =
            [ServerHeader("Host", "h"), ServerHeader("Content-Type", "application/x-protobuf")]
            + (plain + added).map { ServerHeader($0.name, $0.value) }
        let request = ServerRequest(method: "POST", target: "/w", headers: ServerHeaders(fields), body: [1])
        #expect(refusal(request)?.message.contains("'content-type' must be") == true)
        let lenient = SigV4Verifier(
            credentials: Self.key, region: "eu-west-1", service: "aps",
            clock: ManualClock(wallMs: Self.nowMs), requiresContentType: false)
        try lenient.verify(request)
        #expect(throws: SigV4Refusal.self) {
            try lenient.verify(changed(request, body: [2]))
        }
    }

    @Test func aRightSignaturePasses() throws {
        #expect(refusal(try signed()) == nil)
        #expect(refusal(try signed(body: [])) == nil)
        #expect(refusal(try signed(target: "/a%20b/c?x=%2F&a=1&a=0&flag")) == nil)
        // A proxy may change what is not signed.
        #expect(refusal(changed(try signed(), ("User-Agent", "y"))) == nil)
    }

    @Test func whateverIsChangedIsNoticed() throws {
        let request = try signed()
        let wrong = "InvalidSignatureException"
        #expect(refusal(changed(request, body: [1, 2, 4]))?.type == wrong)
        #expect(refusal(changed(request, body: []))?.type == wrong)
        #expect(refusal(changed(request, target: "/workspaces/other/api/v1/remote_write"))?.type == wrong)
        #expect(refusal(changed(request, target: request.target + "?a=1"))?.type == wrong)
        #expect(refusal(changed(request, method: "GET"))?.type == wrong)
        #expect(refusal(changed(request, ("Host", "127.0.0.1:1235")))?.type == wrong)
        #expect(refusal(changed(request, ("Content-Encoding", "gzip")))?.type == wrong)
        #expect(refusal(changed(request, ("X-Amz-Date", "20150830T123601Z")))?.type == wrong)
        #expect(
            refusal(changed(request, ("x-amz-extra", "1")))?.message.contains("must be a 'SignedHeader'")
                == true)
        #expect(refusal(changed(request, ("x-amz-content-sha256", "00")))?.type == wrong)
        #expect(refusal(changed(request, method: "PATCH"))?.type == "IncompleteSignatureException")
    }

    @Test func anotherKeyScopeOrSecretIsRefused() throws {
        let unknown = Credentials(accessKeyID: "AKIDOTHER", secretAccessKey: "secret")
        #expect(refusal(try signed(unknown))?.type == "UnrecognizedClientException")
        let wrong = Credentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wrong")
        #expect(refusal(try signed(wrong))?.message.contains("does not match the signature") == true)
        #expect(refusal(try signed(region: "us-east-1"))?.message.contains("valid region") == true)
        #expect(refusal(try signed(service: "ecs"))?.message.contains("correct service: 'aps'") == true)
    }

    @Test func theDateIsWithinFiveMinutes() throws {
        let window: Int64 = 300_000
        #expect(refusal(try signed(timestampMs: Self.nowMs - window)) == nil)
        #expect(refusal(try signed(timestampMs: Self.nowMs + window)) == nil)
        let old = refusal(try signed(timestampMs: Self.nowMs - window - 1_000))
        #expect(
            old?.message
                == "Signature expired: 20150830T123059Z is now earlier than "
                + "20150830T123100Z (20150830T123600Z - 5 min.)"
        )
        let new = refusal(try signed(timestampMs: Self.nowMs + window + 1_000))
        #expect(new?.message.hasPrefix("Signature not yet current: 20150830T124101Z") == true)
    }

    @Test func temporaryCredentialsNeedTheirToken() throws {
        let temporary = Credentials(
            accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "token",
            expiresAtMs: Self.nowMs + 1_000)
        #expect(refusal(try signed(temporary), temporary) == nil)
        #expect(refusal(try signed(), temporary)?.type == "UnrecognizedClientException")
        #expect(refusal(try signed(temporary))?.type == "UnrecognizedClientException")
        #expect(
            refusal(try signed(temporary), temporary, nowMs: Self.nowMs + 1_000)?.type
                == "ExpiredTokenException")
    }

    @Test(arguments: [
        "", "Basic abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/aps, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/aps/aws4_request, Signature=00",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/aps/aws4_request, SignedHeaders=host",
    ])
    func anIncompleteHeaderIsNamed(authorization: String) throws {
        let request = changed(try signed(), ("Authorization", authorization))
        #expect(refusal(request)?.type == "IncompleteSignatureException")
    }

    @Test func unsignedRequestsMissATokenAsAWSSays() {
        let request = ServerRequest(method: "POST", target: "/", headers: ["Host": "h"])
        #expect(refusal(request)?.message == "Missing Authentication Token")
    }

    @Test func hostAndDateMustBeSigned() throws {
        let request = try signed()
        let line = try #require(request.headers["authorization"])
        let start = try #require(line.range(of: "SignedHeaders="))
        let end = try #require(line.range(of: ", Signature"))
        let without = line[..<start.upperBound] + "content-type;x-amz-date" + line[end.lowerBound...]
        let refusal = refusal(changed(request, ("Authorization", String(without))))
        #expect(refusal?.message.hasPrefix("'host' must be") == true)
    }
}

extension String {
    fileprivate func range(of part: String) -> Range<String.Index>? { firstRange(of: part) }
}

/// The header vectors of awslabs/aws-c-auth, as they would arrive: an oracle that is not ours.
struct SigV4VerifierVectorTests {
    private struct Context: Decodable {
        struct Keys: Decodable {
            let accessKeyId: String
            let secretAccessKey: String
            let token: String?
        }
        let credentials: Keys
        let normalize: Bool
        let omitSessionToken: Bool?
    }

    private static func environment(_ name: String) -> String? {
        // Safety: the string is copied at once and tests do not change the environment.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    private static let folder: String = {
        if let shared = Self.environment("NARTHEX_SHARED") { return shared + "/vectors/sigv4" }
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
            separator: "/")
        return root + "/../shared/vectors/sigv4"
    }()

    @Test func everyVectorVerifiesAndItsForgeriesDoNot() throws {
        let files = POSIXFiles()
        guard let names = try? files.list(Self.folder) else {
            print("skipped: no vectors in \(Self.folder)")
            return
        }
        var verified = 0
        for name in names {
            let read = { (file: String) in
                try files.contents(of: "\(Self.folder)/\(name)/\(file)", limitBytes: 65_536)
            }
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let context = try decoder.decode(Context.self, from: Data(read("context.json")))
            // Paths as S3 has them are not of this service, nor is a token that is not signed.
            guard context.normalize, context.omitSessionToken != true else { continue }
            let request = try #require(Self.parse(read("header-signed-request.txt")), "\(name)")
            let verifier = SigV4Verifier(
                credentials: Credentials(
                    accessKeyID: context.credentials.accessKeyId,
                    secretAccessKey: context.credentials.secretAccessKey,
                    sessionToken: context.credentials.token),
                region: "us-east-1", service: "service", clock: ManualClock(wallMs: 1_440_938_160_000))
            #expect(throws: Never.self, "\(name)") { try verifier.verify(request) }
            let forged = ServerRequest(
                method: request.method, target: request.target, headers: request.headers,
                body: request.body + [0x21])
            #expect(throws: SigV4Refusal.self, "\(name)") { try verifier.verify(forged) }
            verified += 1
        }
        #expect(verified == 30)
    }

    /// A request as it stands in the vectors; folded lines belong to the field before.
    private static func parse(_ bytes: [UInt8]) -> ServerRequest? {
        let text = String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
        let parts = text.split(separator: "\n\n", maxSplits: 1, omittingEmptySubsequences: false)
        var lines = parts[0].split(separator: "\n")[...]
        guard let first = lines.popFirst(), let space = first.firstIndex(of: " "),
            let version = first.firstRange(of: " HTTP/1.1")
        else { return nil }
        var fields: [ServerHeader] = []
        for line in lines {
            if line.hasPrefix(" "), let last = fields.popLast() {
                fields.append(ServerHeader(last.name, last.value + "\n" + line))
            } else if let colon = line.firstIndex(of: ":") {
                fields.append(ServerHeader(String(line[..<colon]), String(line[line.index(after: colon)...])))
            }
        }
        return ServerRequest(
            method: String(first[..<space]),
            target: String(first[first.index(after: space)..<version.lowerBound]),
            headers: ServerHeaders(fields), body: parts.count > 1 ? Array(parts[1].utf8) : [])
    }
}
