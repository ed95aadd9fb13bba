public import AWS
import Cryptography
public import HTTPServer
internal import HTTPTransport
public import Platform

/// Why a signed request was refused, in the words that AWS uses.
public struct SigV4Refusal: Error, Sendable, Equatable {
    /// For instance `InvalidSignatureException`.
    public let type: String
    public let message: String

    init(_ type: String, _ message: String) {
        self.type = type
        self.message = message
    }
}

/// Checks Signature Version 4 as a service does: computes the signature of what arrived and compares.
public struct SigV4Verifier: Sendable {
    /// Services allow five minutes to both sides.
    static let windowMs: Int64 = 5 * 60_000

    private let credentials: Credentials
    private let signer: SigV4Signer
    private let clock: any AgentClock
    private let requiresContentType: Bool

    /// AWS' documents want Content-Type signed, and its services take requests without: vmagent's, for one.
    /// `requiresContentType` holds senders to the documents.
    public init(
        credentials: Credentials, region: String, service: String, clock: any AgentClock = SystemClock(),
        requiresContentType: Bool = true
    ) {
        self.requiresContentType = requiresContentType
        self.credentials = credentials
        self.clock = clock
        signer = SigV4Signer(region: region, service: service)
    }

    /// Returns when the request is signed rightly, by the right key, for this region and service, now.
    public func verify(_ request: ServerRequest) throws(SigV4Refusal) {
        guard let authorization = request.headers["Authorization"] else {
            throw SigV4Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
        }
        let given = try Authorization(authorization)
        try checkScope(given)
        let timestampMs = try checkDate(request, given)
        try checkToken(request)
        let hash = try payloadHash(request)
        guard let method = HTTPMethod(rawValue: request.method) else {
            throw SigV4Refusal("IncompleteSignatureException", "\(request.method) is not signed here")
        }
        try checkSignedHeaders(request, given)
        let signed = request.headers.fields.filter { given.signedHeaders.contains($0.name.lowercased()) }
        let target = request.target
        let mark = target.firstIndex(of: "?") ?? target.endIndex
        let expected = signer.sign(
            method: method, host: request.headers["host"] ?? "", path: String(target[..<mark]),
            query: String(target[mark...].dropFirst()),
            headers: signed.map { HTTPHeader(name: $0.name, value: $0.value) }, payloadSHA256Hex: hash,
            credentials: credentials, timestampMs: timestampMs)
        guard let line = expected.first(where: { $0.name.lowercased() == "authorization" }),
            try Authorization(line.value) == given
        else {
            throw SigV4Refusal(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your "
                    + "AWS Secret Access Key and signing method. Consult the service documentation for "
                    + "details.")
        }
    }

    private func checkScope(_ given: Authorization) throws(SigV4Refusal) {
        guard given.accessKeyID == credentials.accessKeyID else {
            throw SigV4Refusal(
                "UnrecognizedClientException", "The security token included in the request is invalid.")
        }
        guard given.region == signer.region else {
            throw SigV4Refusal(
                "InvalidSignatureException",
                "Credential should be scoped to a valid region, not '\(given.region)'.")
        }
        guard given.service == signer.service else {
            throw SigV4Refusal(
                "InvalidSignatureException",
                "Credential should be scoped to correct service: '\(signer.service)'.")
        }
    }

    private func checkDate(_ request: ServerRequest, _ given: Authorization) throws(SigV4Refusal) -> Int64 {
        guard let date = request.headers["x-amz-date"], let dateMs = Self.basicDate(date) else {
            throw SigV4Refusal(
                "IncompleteSignatureException",
                "Authorization header requires existence of 'X-Amz-Date' header.")
        }
        guard date.hasPrefix(given.date) else {
            throw SigV4Refusal(
                "InvalidSignatureException",
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                    + "'\(given.date)' != '\(date.prefix(8))', from '\(date)'.")
        }
        let nowMs = clock.wallMs
        let now = Timestamp.basic(ms: nowMs)
        if dateMs < nowMs - Self.windowMs {
            throw SigV4Refusal(
                "InvalidSignatureException",
                "Signature expired: \(date) is now earlier than "
                    + "\(Timestamp.basic(ms: nowMs - Self.windowMs)) (\(now) - 5 min.)")
        }
        if dateMs > nowMs + Self.windowMs {
            throw SigV4Refusal(
                "InvalidSignatureException",
                "Signature not yet current: \(date) is still later than "
                    + "\(Timestamp.basic(ms: nowMs + Self.windowMs)) (\(now) + 5 min.)")
        }
        return dateMs
    }

    private func checkToken(_ request: ServerRequest) throws(SigV4Refusal) {
        guard request.headers["x-amz-security-token"] == credentials.sessionToken else {
            throw SigV4Refusal(
                "UnrecognizedClientException", "The security token included in the request is invalid.")
        }
        if let expiresAtMs = credentials.expiresAtMs, expiresAtMs <= clock.wallMs {
            throw SigV4Refusal(
                "ExpiredTokenException", "The security token included in the request is expired")
        }
    }

    /// Of the body that arrived; a hash that the sender told must be the same.
    private func payloadHash(_ request: ServerRequest) throws(SigV4Refusal) -> String {
        let hash = SHA256.hex(bytes: request.body)
        guard let told = request.headers["x-amz-content-sha256"], told != hash else { return hash }
        throw SigV4Refusal(
            "InvalidSignatureException",
            "The provided 'x-amz-content-sha256' header does not match what was computed.")
    }

    /// Host and every x-amz header must be signed, or anyone on the way may change them.
    private func checkSignedHeaders(_ request: ServerRequest, _ given: Authorization) throws(SigV4Refusal) {
        let must = request.headers.fields.map { $0.name.lowercased() }
            .filter {
                $0 == "host" || ($0 == "content-type" && requiresContentType)
                    || ($0.hasPrefix("x-amz-") && $0 != "x-amzn-trace-id")
            }
        for name in ["host", "x-amz-date"] + must where !given.signedHeaders.contains(name) {
            throw SigV4Refusal(
                "InvalidSignatureException", "'\(name)' must be a 'SignedHeader' in the AWS Authorization.")
        }
        for name in given.signedHeaders where request.headers[name] == nil {
            throw SigV4Refusal(
                "InvalidSignatureException", "'\(name)' is a 'SignedHeader' and is not in the request.")
        }
    }

    /// `20150830T123600Z` in milliseconds since 1970.
    static func basicDate(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 16, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "Z") else {
            return nil
        }
        let part = { (range: Range<Int>) in String(decoding: bytes[range], as: UTF8.self) }
        return Timestamp.parseRFC3339(
            "\(part(0..<4))-\(part(4..<6))-\(part(6..<8))T\(part(9..<11)):\(part(11..<13)):\(part(13..<15))Z")
    }
}

/// The parts of an `AWS4-HMAC-SHA256` Authorization header.
private struct Authorization: Equatable {
    let accessKeyID: String
    let date: String
    let region: String
    let service: String
    let signedHeaders: [String]
    let signature: String

    init(_ text: String) throws(SigV4Refusal) {
        func incomplete(_ what: String) -> SigV4Refusal {
            SigV4Refusal("IncompleteSignatureException", "Authorization header requires \(what).")
        }
        let scheme = "AWS4-HMAC-SHA256 "
        guard text.hasPrefix(scheme) else { throw incomplete("'AWS4-HMAC-SHA256'") }
        var fields: [Substring: Substring] = [:]
        for field in text.dropFirst(scheme.count).split(separator: ",") {
            let trimmed = field.drop { $0 == " " }
            guard let sign = trimmed.firstIndex(of: "=") else { continue }
            fields[trimmed[..<sign]] = trimmed[trimmed.index(after: sign)...]
        }
        guard let scope = fields["Credential"]?.split(separator: "/", omittingEmptySubsequences: false),
            scope.count == 5, scope[4] == "aws4_request"
        else { throw incomplete("a 'Credential' of five parts that ends with 'aws4_request'") }
        guard let signed = fields["SignedHeaders"] else { throw incomplete("'SignedHeaders' parameter") }
        guard let signature = fields["Signature"] else { throw incomplete("'Signature' parameter") }
        accessKeyID = String(scope[0])
        date = String(scope[1])
        region = String(scope[2])
        service = String(scope[3])
        signedHeaders = signed.split(separator: ";").map(String.init)
        self.signature = String(signature)
    }
}
