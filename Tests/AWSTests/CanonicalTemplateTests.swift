import HTTPTransport
import Platform
import Testing

@testable import AWS

struct CanonicalTemplateTests {
    private func template(_ names: [String]) -> CanonicalTemplate {
        CanonicalTemplate(
            method: "POST", path: "/p", query: "q=1",
            headers: names.map { HTTPHeader(name: $0, value: $0.uppercased()) }, normalizesPath: true)
    }

    /// Date and token take their places in the order of the names, whatever stands around them.
    @Test(arguments: [
        [], ["a"], ["x-amz-date-a"], ["z"], ["a", "z"], ["a", "x-amz-e", "z"], ["b", "a"],
        ["x-amz-security-tokens", "x-amz-dat", "x-amz-dates"],
    ])
    func dateAndTokenStandInTheOrderOfTheNames(names: [String]) {
        for (date, token) in [("D", "T"), ("D", nil), (nil, nil)] as [(String?, String?)] {
            var fields = names.map { ($0, $0.uppercased()) }
            if let date { fields.append(("x-amz-date", date)) }
            if let token { fields.append(("x-amz-security-token", token)) }
            fields.sort { $0.0 < $1.0 }
            let signed = fields.map(\.0).joined(separator: ";")
            let made = template(names).request(date: date, token: token, payloadSHA256Hex: "H")
            #expect(made.signedHeaders == signed)
            let lines = fields.map { "\($0.0):\($0.1)\n" }.joined()
            #expect(made.text == "POST\n/p\nq=1\n\(lines)\n\(signed)\nH")
        }
    }

    /// One template serves requests of other times, payloads and credentials, each signed as if it were the
    /// only one.
    @Test func aTemplateSignsAsTheWholeRequestDoes() throws {
        let signer = SigV4Signer(region: "eu-west-1", service: "aps")
        let url = "https://h.example/workspaces/ws-1/api/v1/remote_write?a=b"
        let headers = [
            HTTPHeader(name: "Content-Type", value: "application/x-protobuf"),
            HTTPHeader(name: "X-Team", value: " a  b "), HTTPHeader(name: "Z", value: ""),
            HTTPHeader(name: "X-Amz-Date", value: "old"),
        ]
        let template = try signer.template(method: .post, url: url, headers: headers)
        for (index, token) in ["t1", nil, "t2"].enumerated() {
            let keys = Credentials(accessKeyID: "AKID\(index)", secretAccessKey: "s", sessionToken: token)
            let timeMs = SigV4SignerTests.nowMs + Int64(index) * 1_000
            let hash = String(repeating: "\(index)", count: 64)
            let whole = try signer.sign(
                method: .post, url: url, headers: headers, payloadSHA256Hex: hash, credentials: keys,
                timestampMs: timeMs)
            let added = signer.sign(
                template, payloadSHA256Hex: hash, credentials: keys, timestampMs: timeMs)
            #expect(added == whole)
            #expect(added.count == (token == nil ? 2 : 3))
        }
    }
}
