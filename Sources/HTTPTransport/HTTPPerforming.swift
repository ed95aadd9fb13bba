/// Whoever can perform a request: `HTTPClient`, and fakes in tests.
public protocol HTTPPerforming: Sendable {
    /// Sends the request and returns the whole response, its body decoded unless the request has
    /// `decodesBody` false. Cancelling the task ends the transfer.
    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse
}
