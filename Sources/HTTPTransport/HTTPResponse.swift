/// What came back: the final response after any 1xx and redirects.
public struct HTTPResponse: Sendable {
    public let status: Int
    public let headers: HTTPHeaders
    public let body: HTTPBody
    /// From `perform` to the last byte.
    public let durationNs: UInt64

    public init(
        status: Int, headers: HTTPHeaders = HTTPHeaders(), body: HTTPBody = HTTPBody(), durationNs: UInt64 = 0
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.durationNs = durationNs
    }
}

/// Whoever can perform a request: `HTTPClient`, and fakes in tests.
public protocol HTTPPerforming: Sendable {
    /// Sends the request and returns the whole response. Cancelling the task ends the transfer.
    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse
}
