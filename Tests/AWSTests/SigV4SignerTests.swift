import Cryptography
import HTTPTransport
import Platform
import Testing

@testable import AWS

struct SigV4SignerTests {
    static let keys = Credentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    static let nowMs = Timestamp.ms(year: 2026, month: 11, day: 21, hour: 23, minute: 59, second: 59)

    func canonical(
        _ url: String, _ headers: [HTTPHeader] = [],
        signer: SigV4Signer = SigV4Signer(region: "eu-west-1", service: "aps")
    ) throws -> CanonicalRequest {
        let (host, path, query) = try SigV4Signer.parts(of: url)
        return signer.canonicalRequest(
            method: "POST", host: host, path: path, query: query, headers: headers,
            payloadSHA256Hex: SHA256.emptyHex, credentials: Self.keys, at: SigningTime(Self.nowMs))
    }

    func lines(_ request: CanonicalRequest) -> [String] {
        request.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test func whatChangesOnTheWayIsNotSigned() throws {
        let names = [
            "Connection", "User-Agent", "X-Amzn-Trace-Id", "Expect", "Transfer-Encoding", "Accept-Encoding",
            "Authorization", "traceparent", "uber-trace-id", "Via", "TE",
        ]
        let headers =
            names.map { HTTPHeader(name: $0, value: "x") } + [HTTPHeader(name: "Content-Type", value: "a/b")]
        let request = try canonical("https://h.example/x", headers)
        #expect(request.signedHeaders == "content-type;host;x-amz-date")
    }

    @Test func headersSentAlreadyAreReplaced() throws {
        let headers = [
            HTTPHeader(name: "X-Amz-Date", value: "old"),
            HTTPHeader(name: "x-amz-security-token", value: "old"),
        ]
        let request = try canonical("https://h.example/x", headers)
        #expect(request.signedHeaders == "host;x-amz-date")
        #expect(!request.text.contains("old"))
    }

    @Test(arguments: [
        ("https://h.example/x", "h.example"), ("https://h.example:443/x", "h.example"),
        ("http://h.example:80/x", "h.example"), ("https://h.example:80/x", "h.example:80"),
        ("http://127.0.0.1:9090/x", "127.0.0.1:9090"), ("https://u:p@h.example/x", "h.example"),
        ("http://[::1]:9090/x", "[::1]:9090"), ("https://[::1]/x", "[::1]"),
        ("http://[0:0::1]:9090/x", "[::1]:9090"), ("http://h:080/", "h"),
        ("https://H.Example/x", "H.Example"),
    ])
    func theHostIsSignedAsSent(url: String, host: String) throws {
        #expect(lines(try canonical(url))[3] == "host:\(host)")
    }

    @Test(arguments: [
        ("/workspaces/ws-1/api/v1/remote_write", "/workspaces/ws-1/api/v1/remote_write"),
        ("", "/"), ("/", "/"), ("//a///b/", "/a/b/"), ("/a/./b/../c", "/a/c"), ("/../..", "/"),
        ("/a%20b", "/a%2520b"), ("/a%2Fb", "/a%252Fb"), ("/a+b:c", "/a%2Bb%3Ac"), ("/é", "/%C3%A9"),
    ])
    func pathsAreNormalisedAndEncodedOnceMore(path: String, expected: String) throws {
        #expect(lines(try canonical("https://h.example" + path))[1] == expected)
    }

    @Test(arguments: [
        ("", "/"), ("//a///b/", "//a///b/"), ("/a/../b", "/a/../b"), ("/a%20b", "/a%20b"),
        ("/a%2fb", "/a%2Fb"),
        ("/100%", "/100%25"), ("/a+b", "/a%2Bb"),
    ])
    func pathsOfS3StayAndAreEncodedOnce(path: String, expected: String) throws {
        let signer = SigV4Signer(region: "eu-west-1", service: "s3", normalizesPath: false)
        #expect(lines(try canonical("https://h.example" + path, signer: signer))[1] == expected)
    }

    @Test func aSpaceOfAPathIsEncodedOnce() throws {
        let signer = SigV4Signer(region: "eu-west-1", service: "s3", normalizesPath: false)
        let request = signer.canonicalRequest(
            method: "GET", host: "h.example", path: "/a b", query: "", headers: [],
            payloadSHA256Hex: SHA256.emptyHex, credentials: Self.keys, at: SigningTime(Self.nowMs))
        #expect(lines(request)[1] == "/a%20b")
    }

    @Test(arguments: [
        ("?b=2&a=1", "a=1&b=2"), ("?a", "a="), ("?a=b=c", "a=b%3Dc"), ("?a=2&a=1", "a=1&a=2"),
        ("?&&a=1&", "a=1"),
        ("?a=x%2Fy", "a=x%2Fy"), ("?a=x/y", "a=x%2Fy"), ("?a=x+y", "a=x%20y"), ("?a=x%20y", "a=x%20y"),
        ("?a=%zz%4", "a=%25zz%254"), ("?a-b=1&a=1&a.b=1", "a=1&a-b=1&a.b=1"), ("?", ""), ("?x#f", "x="),
    ])
    func queriesHaveOneForm(query: String, expected: String) throws {
        #expect(lines(try canonical("https://h.example/" + query))[2] == expected)
    }

    @Test func valuesAreCollapsedAndJoinedInOrder() throws {
        let headers = [
            HTTPHeader(name: "X-B", value: "  z \t y\r\n  x "), HTTPHeader(name: "x-b", value: "a"),
            HTTPHeader(name: "X-A", value: ""),
        ]
        let text = lines(try canonical("https://h.example/", headers))
        #expect(
            Array(text[3...6]) == ["host:h.example", "x-a:", "x-amz-date:20261121T235959Z", "x-b:z y x,a"])
    }

    @Test func dateScopeAndDateHeaderAgreeAcrossMidnight() throws {
        let signer = SigV4Signer(region: "eu-west-1", service: "aps")
        for (offsetMs, day) in [(0, "20261121"), (1_000, "20261122")] as [(Int64, String)] {
            let added = try signer.sign(
                method: .get, url: "https://h.example/", headers: [], payloadSHA256Hex: SHA256.emptyHex,
                credentials: Self.keys, timestampMs: Self.nowMs + offsetMs)
            #expect(added.first?.value.hasPrefix(day) == true)
            #expect(
                added.last?.value.contains("Credential=AKIDEXAMPLE/\(day)/eu-west-1/aps/aws4_request,")
                    == true)
        }
    }

    @Test func keysAreKeptPerDayAndKeyButNeverPastACorrectedSecret() throws {
        let signer = SigV4Signer(region: "eu-west-1", service: "aps")
        func signature(_ keys: Credentials, _ timeMs: Int64) -> String {
            signer.signature(of: "text", credentials: keys, on: SigningTime(timeMs).date)
        }
        let first = signature(Self.keys, Self.nowMs)
        #expect(signature(Self.keys, Self.nowMs) == first)
        #expect(signature(Self.keys, Self.nowMs + 86_400_000) != first)
        let corrected = Credentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "other")
        #expect(signature(corrected, Self.nowMs) != first)
        #expect(signature(Self.keys, Self.nowMs) == first)
        for day in 0..<100 { _ = signature(Self.keys, Int64(day) * 86_400_000) }
        #expect(signature(Self.keys, Self.nowMs) == first)
    }

    @Test func manyThreadsGetTheSameSignature() async {
        let signer = SigV4Signer(region: "eu-west-1", service: "aps")
        let signatures = await withTaskGroup(of: String.self) { group in
            for index in 0..<200 {
                let timeMs = Self.nowMs + Int64(index % 3) * 86_400_000
                group.addTask {
                    signer.signature(of: "text", credentials: Self.keys, on: SigningTime(timeMs).date)
                }
            }
            return await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(signatures.count == 3)
    }

    @Test(arguments: [
        "", "h.example/x", "ftp://h.example/", "https://", "https://:443/", "http://[::1/", "http://h:p/",
        "http://127.1/", "http://a@b@h/", "http://ü.example/", "http://h/a b",
    ])
    func whatIsNoURLIsNotSigned(url: String) {
        #expect(throws: AWSError.self) { try canonical(url) }
    }
}
