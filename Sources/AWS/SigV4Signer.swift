import Addresses
import Cryptography
public import HTTPTransport
internal import Platform

/// Signature Version 4 in the Authorization header; AWS' page "Create a signed AWS API request".
///
/// Keeps derived keys for the day, so make one for each region and service and keep it. Thread-safe.
public struct SigV4Signer: Sendable {
    public let region: String
    public let service: String
    private let normalizesPath: Bool
    private let signsSessionToken: Bool
    private let keys = SigningKeyCache()

    /// `normalizesPath` is false for S3 alone. `signsSessionToken` is false for the rare service that wants
    /// the token added after signing.
    public init(region: String, service: String, normalizesPath: Bool = true, signsSessionToken: Bool = true)
    {
        self.region = region
        self.service = service
        self.normalizesPath = normalizesPath
        self.signsSessionToken = signsSessionToken
    }

    /// The headers to add: `X-Amz-Date`, `X-Amz-Security-Token` with temporary credentials, `Authorization`.
    ///
    /// `url` is the URL as it will be sent; `headers` those that will be sent besides. Of these every one is
    /// signed that nothing on the way changes. Host is taken from the URL unless it is among them. A
    /// signature is good for a few minutes: sign anew for each attempt. Throws `.malformed` for a URL that is
    /// none.
    public func sign(
        method: HTTPMethod, url: String, headers: [HTTPHeader], payloadSHA256Hex: String,
        credentials: Credentials, timestampMs: Int64
    ) throws(AWSError) -> [HTTPHeader] {
        let (host, path, query) = try Self.parts(of: url)
        return sign(
            method: method, host: host, path: path, query: query, headers: headers,
            payloadSHA256Hex: payloadSHA256Hex, credentials: credentials, timestampMs: timestampMs)
    }

    /// What a request to the URL will say: Host header, path, and query without its question mark.
    static func parts(of url: String) throws(AWSError) -> (host: String, path: String, query: String) {
        let parts: HTTPURL
        do throws(AddressError) { parts = try HTTPURL(parsing: url) } catch {
            throw AWSError(.malformed, message: "the URL to sign \(error)", operation: "SigV4")
        }
        guard let host = parts.hostHeader else {
            throw AWSError(
                .malformed, message: "the URL to sign has a host beyond ASCII; write it in Punycode (xn--…)",
                operation: "SigV4")
        }
        return (host, parts.path, parts.query ?? "")
    }

    /// The same for a request whose parts are known: `host` as its Host header says it, `path` and `query`
    /// as they are sent, the query without its question mark.
    public func sign(
        method: HTTPMethod, host: String, path: String, query: String, headers: [HTTPHeader],
        payloadSHA256Hex: String, credentials: Credentials, timestampMs: Int64
    ) -> [HTTPHeader] {
        sign(
            template(method: method.rawValue, host: host, path: path, query: query, headers: headers),
            payloadSHA256Hex: payloadSHA256Hex, credentials: credentials, timestampMs: timestampMs)
    }

    /// What requests to one URL with the same `headers` have in common, for those who send many. As for
    /// `sign`. Throws `.malformed` for a URL that is none.
    public func template(
        method: HTTPMethod, url: String, headers: [HTTPHeader]
    ) throws(AWSError) -> SigningTemplate {
        let (host, path, query) = try Self.parts(of: url)
        return template(method: method.rawValue, host: host, path: path, query: query, headers: headers)
    }

    /// The headers to add to a request made of the template, which is one of this signer's.
    public func sign(
        _ template: SigningTemplate, payloadSHA256Hex: String, credentials: Credentials, timestampMs: Int64
    ) -> [HTTPHeader] {
        let time = SigningTime(timestampMs)
        let request = canonicalRequest(
            template, payloadSHA256Hex: payloadSHA256Hex, credentials: credentials, at: time)
        let signature = signature(
            of: stringToSign(request, at: time), credentials: credentials, on: time.date)
        var added = [HTTPHeader(name: "X-Amz-Date", value: time.text)]
        if let token = credentials.sessionToken {
            added.append(HTTPHeader(name: "X-Amz-Security-Token", value: token))
        }
        let authorization =
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope(on: time.date)), "
            + "SignedHeaders=\(request.signedHeaders), Signature=\(signature)"
        added.append(HTTPHeader(name: "Authorization", value: authorization))
        return added
    }

    /// Host, path and query are as they will be sent.
    func canonicalRequest(
        method: String, host: String, path: String, query: String, headers: [HTTPHeader],
        payloadSHA256Hex: String, credentials: Credentials, at time: SigningTime
    ) -> CanonicalRequest {
        canonicalRequest(
            template(method: method, host: host, path: path, query: query, headers: headers),
            payloadSHA256Hex: payloadSHA256Hex, credentials: credentials, at: time)
    }

    private func canonicalRequest(
        _ template: SigningTemplate, payloadSHA256Hex: String, credentials: Credentials, at time: SigningTime
    ) -> CanonicalRequest {
        CanonicalRequest(
            template.canonical, date: time.text, token: signsSessionToken ? credentials.sessionToken : nil,
            payloadSHA256Hex: payloadSHA256Hex)
    }

    private func template(
        method: String, host: String, path: String, query: String, headers: [HTTPHeader]
    ) -> SigningTemplate {
        var signed = headers.filter { !CanonicalRequest.isSetHere($0.name) }
        if !signed.contains(where: { $0.name.lowercased() == "host" }) {
            signed.append(HTTPHeader(name: "host", value: host))
        }
        return SigningTemplate(
            canonical: CanonicalTemplate(
                method: method, path: path, query: query, headers: signed, normalizesPath: normalizesPath))
    }

    func stringToSign(_ request: CanonicalRequest, at time: SigningTime) -> String {
        "AWS4-HMAC-SHA256\n\(time.text)\n\(scope(on: time.date))\n\(SHA256.hex(request.text))"
    }

    func signature(of stringToSign: String, credentials: Credentials, on date: String) -> String {
        let key = keys.key(date: date, region: region, service: service, credentials: credentials)
        return Hex.text(HMACSHA256.code(key: key, Array(stringToSign.utf8)))
    }

    private func scope(on date: String) -> String { "\(date)/\(region)/\(service)/aws4_request" }
}
