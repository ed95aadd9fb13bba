internal import NIOCore
internal import NIOHTTP1

/// Joins the parts of one request after the other and keeps the limits. Decides; sends nothing.
struct RequestAssembler {
    enum Action {
        /// Go on reading.
        case none
        /// The peer waits for `100 Continue` before it sends the body.
        case sendContinue
        /// Answer with this status now; what still comes of the request is thrown away.
        case refuse(status: Int, reason: String)
        case handle(ServerRequest, keepAlive: Bool)
    }

    private enum State {
        case head
        case body(HTTPRequestHead)
        case discarding
    }

    private let bodyLimitBytes: Int
    private let remoteAddress: String
    private var state = State.head
    private var body: [UInt8] = []

    init(bodyLimitBytes: Int, remoteAddress: String) {
        self.bodyLimitBytes = bodyLimitBytes
        self.remoteAddress = remoteAddress
    }

    /// True between a head and the end of its request.
    var isInsideRequest: Bool {
        if case .head = state { false } else { true }
    }

    mutating func received(_ part: HTTPServerRequestPart) -> Action {
        switch (part, state) {
        case (.head(let head), _): return began(head)
        case (.body(let buffer), .body):
            guard body.count + buffer.readableBytes <= bodyLimitBytes else { return tooLarge() }
            body.append(contentsOf: buffer.readableBytesView)
            return .none
        case (.end, .body(let head)):
            state = .head
            let request = ServerRequest(
                method: head.method.rawValue, target: head.uri,
                headers: ServerHeaders(head.headers.map { ServerHeader($0.name, $0.value) }), body: body,
                remoteAddress: remoteAddress)
            body = []
            return .handle(request, keepAlive: head.isKeepAlive && head.version.isModern)
        case (.end, _):
            state = .head
            return .none
        case (.body, _): return .none
        }
    }

    private mutating func began(_ head: HTTPRequestHead) -> Action {
        // RFC 9112 §3.2: a request of HTTP/1.1 has exactly one Host field.
        let isModern = head.version.isModern
        let hosts = head.headers["host"].count
        guard hosts == 1 || (hosts == 0 && !isModern) else {
            state = .discarding
            return .refuse(status: 400, reason: "a request has one Host field, this one has \(hosts)")
        }
        let declared = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        guard declared <= bodyLimitBytes else { return tooLarge() }
        state = .body(head)
        body = []
        body.reserveCapacity(declared)
        let waits = head.headers.first(name: "expect")?.lowercased() == "100-continue"
        return waits && isModern ? .sendContinue : .none
    }

    private mutating func tooLarge() -> Action {
        state = .discarding
        body = []
        return .refuse(status: 413, reason: "the body is larger than the \(bodyLimitBytes) bytes allowed")
    }
}

extension HTTPVersion {
    /// HTTP/1.1 and above; what is older gets one answer a connection.
    fileprivate var isModern: Bool { major > 1 || (major == 1 && minor >= 1) }
}
