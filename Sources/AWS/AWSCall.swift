import Addresses
import HTTPTransport

extension HTTPError {
    /// What happened, without the method and URL in front: for those who say the place themselves.
    var what: String {
        guard ["GET ", "POST ", "PUT "].contains(where: { message.hasPrefix($0) }),
            let separator = message.firstRange(of: ": ")
        else { return message }
        return String(message[separator.upperBound...])
    }
}

/// What a call sends, but for its signature.
struct AWSCall {
    let service: AWSService
    let method: HTTPMethod
    let url: String
    /// As the Host header says it.
    let host: String
    let headers: [HTTPHeader]
    let body: [UInt8]
    let answerLimitBytes: Int
    /// Whether a 304 is an answer: the request says which version is known.
    var takesNotModified = false
    /// In errors.
    let place: String

    init(
        _ service: AWSService, _ operation: String, method: HTTPMethod, url: String,
        headers: [HTTPHeader] = [], body: [UInt8] = [], answerLimitBytes: Int
    ) throws(AWSError) {
        guard let parts = HTTPURL(url), let host = parts.hostHeader else {
            throw AWSError(
                .malformed, message: "the endpoint is not an http or https URL with a host in ASCII",
                operation: service.name)
        }
        self.service = service
        self.method = method
        self.url = url
        self.host = host
        self.headers = headers
        self.body = body
        self.answerLimitBytes = answerLimitBytes
        place = "\(service.name).\(operation) at \(parts.origin)"
    }
}
