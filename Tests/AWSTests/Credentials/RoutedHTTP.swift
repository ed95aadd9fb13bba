import HTTPTransport
import Synchronization

/// A network of the test's mind: answers by method and URL, and remembers what was asked.
final class RoutedHTTP: HTTPPerforming {
    typealias Route = @Sendable (HTTPRequest) throws(HTTPError) -> HTTPResponse

    /// Boxed, as a function in a generic container is wrapped anew each time.
    private struct Box: Sendable {
        let route: Route
    }

    private let box: Mutex<Box>
    private let seen = Mutex<[HTTPRequest]>([])

    init(_ route: @escaping Route) { box = Mutex(Box(route: route)) }

    var requests: [HTTPRequest] { seen.withLock { $0 } }
    /// The forms sent, for instance to STS.
    var forms: [String] { requests.map { String(decoding: $0.body, as: UTF8.self) } }

    func change(_ route: @escaping Route) { box.withLock { $0 = Box(route: route) } }

    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        seen.withLock { $0.append(request) }
        let route = box.withLock { $0 }.route
        return try route(request)
    }
}

func answer(_ status: Int, _ body: String, _ headers: [HTTPHeader] = []) -> HTTPResponse {
    HTTPResponse(status: status, headers: HTTPHeaders(headers), body: HTTPBody(Array(body.utf8)))
}

/// The answer of STS, whose credentials end at `expiration`.
func stsAnswer(_ action: String, _ id: String, _ expiration: String) -> HTTPResponse {
    answer(
        200,
        "<\(action)Response><\(action)Result><Credentials><AccessKeyId>\(id)</AccessKeyId><SecretAccessKey>s"
            + "</SecretAccessKey><SessionToken>t/+=</SessionToken><Expiration>\(expiration)</Expiration>"
            + "</Credentials></\(action)Result></\(action)Response>")
}
