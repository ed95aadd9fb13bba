internal import Compression

/// What came back: the final response after any 1xx and redirects.
public struct HTTPResponse: Sendable {
    public let status: Int
    public let headers: HTTPHeaders
    /// As it came over the wire when it is given to `HTTPExchange.end`: the worker that parses it calls
    /// `decoded` first.
    public let body: HTTPBody
    /// From `perform` to the last byte.
    public let durationNs: UInt64
    /// The request, when the body has a Content-Encoding that it has not been rid of.
    private let coded: HTTPRequest?

    public init(
        status: Int, headers: HTTPHeaders = HTTPHeaders(), body: HTTPBody = HTTPBody(), durationNs: UInt64 = 0
    ) {
        self.init(status: status, headers: headers, body: body, durationNs: durationNs, coded: nil)
    }

    init(
        status: Int, headers: HTTPHeaders, body: HTTPBody, durationNs: UInt64, coded request: HTTPRequest?
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.durationNs = durationNs
        coded = request
    }

    /// The response with its body decoded; itself when there is nothing to decode. To be called on the worker
    /// that parses the body, as it takes time. `body` has no bytes from then on.
    ///
    /// Throws `.badContentEncoding` when the body is not sound gzip, or coded in another way, and
    /// `.bodyTooLarge` when it decodes to more than the request takes. A response other than 2xx has its
    /// status to tell, and an empty body then.
    public func decoded() throws(HTTPError) -> HTTPResponse {
        guard let coded, status != 204, status != 304 else { return self }
        do throws(HTTPError) {
            return with(try decodedBody(coded))
        } catch {
            body.letGo()
            guard status < 200 || status > 299 else { throw error }
            return with(HTTPBody())
        }
    }

    private func with(_ body: HTTPBody) -> HTTPResponse {
        HTTPResponse(status: status, headers: headers, body: body, durationNs: durationNs, coded: nil)
    }

    private func decodedBody(_ request: HTTPRequest) throws(HTTPError) -> HTTPBody {
        switch ContentCoding(headers) {
        case .identity: return body
        case .other(let name):
            throw request.failure(
                .badContentEncoding, "the body has the content encoding \"\(name)\"; only gzip is read")
        case .gzip:
            do {
                return try body.unpacked(limitBytes: request.bodyLimitBytes)
            } catch {
                let code: HTTPError.Code =
                    switch error.code {
                    case .damaged: .badContentEncoding
                    case .tooLarge: .bodyTooLarge
                    case .noRoom: .overloaded
                    }
                throw request.failure(code, error.message)
            }
        }
    }
}
