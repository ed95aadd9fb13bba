internal import HTTPTransport
internal import JSON
internal import Platform

/// An error as a service tells it, in the JSON of json 1.1 or the XML of the query protocol.
struct ServiceFault: Sendable, Equatable {
    let status: Int
    /// For instance `ThrottlingException`; `HTTP 503` where the body names none.
    let name: String
    /// The service's words, one line, cut short.
    let message: String
    /// The service's clock, from the Date header; milliseconds since 1970.
    let dateMs: Int64?
    /// Where S3 says that the bucket is.
    let bucketRegion: String?

    /// aws-sdk-go-v2's retry/throttle_error.go and retryable error codes.
    private static let throttling: Set<String> = [
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
        "TooManyRequestsException", "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete", "EC2ThrottledException",
    ]
    /// `IDPCommunicationError`: STS did not reach the identity provider, and says itself to try again.
    private static let slow: Set<String> = [
        "RequestTimeout", "RequestTimeoutException", "IDPCommunicationError",
    ]
    private static let expired: Set<String> = [
        "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId",
        "InvalidAccessKeyId", "InvalidToken",
    ]
    private static let skewed: Set<String> = [
        "RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException", "SignatureDoesNotMatch",
        "AuthFailure", "RequestInTheFuture",
    ]
    private static let denied: Set<String> = [
        "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "MissingAuthenticationToken",
        "MissingAuthenticationTokenException", "IncompleteSignature", "IncompleteSignatureException",
    ]

    var isThrottling: Bool { status == 429 || Self.throttling.contains(name) }
    var isTransient: Bool { status >= 500 || Self.slow.contains(name) }
    var mayBeExpired: Bool { Self.expired.contains(name) }
    var mayBeClockSkew: Bool { Self.skewed.contains(name) }

    /// Asked of, or signed for, another region than the bucket's.
    private var isMisplaced: Bool {
        status == 301 || status == 307
            || ["AuthorizationHeaderMalformed", "IllegalLocationConstraintException"].contains(name)
    }

    /// What the caller is told when nothing helped.
    var code: AWSError.Code {
        if isThrottling { return .throttled }
        if let bucketRegion, isMisplaced { return .otherRegion(bucketRegion) }
        if mayBeExpired { return .expiredCredentials }
        if Self.denied.contains(name) || mayBeClockSkew { return .accessDenied }
        if name.hasSuffix("NotFoundException") || name.hasSuffix("NotFound") || name.hasPrefix("NoSuch") {
            return .notFound
        }
        return status == 403 && name.hasPrefix("HTTP ") ? .accessDenied : .service(name)
    }

    init(_ response: HTTPResponse) {
        status = response.status
        dateMs = Self.dateMs(of: response)
        let body = response.body.count <= 1 << 20 ? response.body.bytes : []
        // A body that is neither (a proxy's page, an empty 503) still has its status.
        let shape = Self.isXML(body) ? Shape(xml: body) : Shape(json: body)
        let header = response.headers["x-amzn-ErrorType"]
        name =
            (shape?.type ?? header).map { Self.bareName($0) }.flatMap { $0.isEmpty ? nil : $0 }
            ?? "HTTP \(status)"
        message = Self.oneLine(shape?.message ?? "")
        let said = response.headers["x-amz-bucket-region"] ?? shape?.region
        bucketRegion = said.flatMap { AWSRegion.isRegion($0) ? $0 : nil }
    }

    /// The service's clock, from the Date header.
    static func dateMs(of response: HTTPResponse) -> Int64? {
        response.headers["Date"].flatMap { Timestamp.parseHTTPDate($0) }
    }

    private static func isXML(_ body: [UInt8]) -> Bool {
        body.first { $0 != 0x20 && !(0x09...0x0D).contains($0) } == UInt8(ascii: "<")
    }

    /// `com.amazonaws.ecs#ClientException:http://…` is `ClientException`.
    private static func bareName(_ text: String) -> String {
        let end = text.split(separator: "#", omittingEmptySubsequences: false).last ?? ""
        return String(
            end.prefix { $0 != ":" }.prefix(128).filter {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".")
            })
    }

    /// The first line alone: the further ones of SignatureDoesNotMatch repeat the request, session token
    /// included.
    private static func oneLine(_ text: String) -> String {
        String(text.prefix { !$0.isNewline }.prefix(400))
    }

    private struct Shape {
        let type: String?
        let message: String?
        /// In S3's AuthorizationHeaderMalformed.
        let region: String?

        init?(json: [UInt8]) {
            // What is no JSON tells nothing; the status and the header still do.
            guard let root = try? AWSJSON.read(json) else { return nil }
            type = root["__type"]?.string ?? root["code"]?.string
            message = root["message"]?.string ?? root["Message"]?.string
            region = nil
        }

        /// `<ErrorResponse><Error><Code>` of STS, `<Response><Errors><Error><Code>` of EC2, `<Error><Code>`
        /// of S3.
        init?(xml: [UInt8]) {
            // What is no XML after all (HTML, mostly) tells nothing, as a body that is no JSON does.
            guard let root = try? XMLReader.parse(xml) else { return nil }
            let itself = root.name == "Error" ? root : nil
            guard let error = root["Error"] ?? root["Errors"]?["Error"] ?? itself else { return nil }
            type = error.text("Code")
            message = error.text("Message")
            region = error.text("Region")
        }
    }
}
