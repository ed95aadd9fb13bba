internal import CCurl
public import Logging
internal import Platform
public import Telemetry

/// An HTTP/1.1 client for thousands of targets: one thread, connections kept, bodies in memory bounded.
///
/// Any thread or task may call it. Environment variables are not read here: the caller says what holds.
public final class HTTPClient: HTTPPerforming {
    /// Once a process; libcurl's documentation asks for it before any other call.
    private static let libraryStatus = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    let queue: SubmissionQueue
    let pool: BodyPool
    let holdings = ClientHoldings()
    private let clock = SystemClock()

    /// Starts the client's thread, while the process starts: it ends when that cannot be made
    /// (`SystemThread.startOrExit`).
    public init(_ configuration: HTTPClientConfiguration, registry: MetricRegistry, logger: Logger) {
        precondition(
            Self.libraryStatus == CURLE_OK, "libcurl cannot be initialised: the process has no memory")
        guard let multi = MultiHandle(configuration: configuration) else {
            preconditionFailure("libcurl has no memory for a multi handle")
        }
        let queue = SubmissionQueue(waking: multi)
        self.queue = queue
        let metrics = ClientMetrics(name: configuration.name, registry: registry)
        let pool = BodyPool(keptCount: configuration.bodySlots, memory: configuration.memory) {
            queue.release($0, heldBytes: $1)
        }
        self.pool = pool
        SystemThread.startOrExit(name: "http-\(configuration.name)") { [holdings] in
            SystemThread.blockPipeSignal()
            TransferLoop(
                configuration: configuration, queue: queue, multi: multi, pool: pool, holdings: holdings,
                metrics: metrics, logger: logger
            ).run()
        }
    }

    deinit { queue.shutDown() }

    public func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        try request.checkHeaders()
        let id = queue.nextID()
        let nowNs = clock.monotonicNs
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let submission = Submission(
                    id: id, request: request, nowNs: nowNs, reply: .task(continuation))
                switch queue.submit(submission) {
                case nil: break
                case .cancelled:
                    continuation.resume(
                        returning: .failure(HTTPError(.cancelled, "the request was cancelled")))
                case .some:
                    continuation.resume(returning: .failure(SubmissionQueue.shutDownError))
                }
            }
        } onCancel: {
            queue.cancel(id)
        }
        let response = try result.get()
        return request.decodesBody ? try response.decoded() : response
    }

    /// Ends every transfer with `.shutDown`, closes all connections and ends the thread. Returns at once.
    public func shutDown() { queue.shutDown() }
}

extension HTTPRequest {
    /// Throws when a header cannot be sent as it stands.
    func checkHeaders() throws(HTTPError) {
        for header in headers where !header.isSendable {
            throw HTTPError(
                .badRequest, "the request header \(header.printableName) cannot be sent as it stands")
        }
    }
}

extension HTTPHeader {
    /// RFC 9110's token characters in the name; no line end or zero in the value.
    var isSendable: Bool {
        let (name, value) = (name.utf8.span, value.utf8.span)
        for index in name.indices where !Self.isToken(name[index]) { return false }
        for index in value.indices where value[index] != 0x09 && (value[index] < 0x20 || value[index] == 0x7F)
        {
            return false
        }
        return !name.isEmpty
    }

    /// The name for an error message, without what made it unfit.
    var printableName: String { String(decoding: name.utf8.filter(Self.isToken), as: UTF8.self) }

    func isNamed(_ other: String) -> Bool {
        name.utf8.count == other.utf8.count
            && zip(name.utf8, other.utf8).allSatisfy { $0 | 0x20 == $1 | 0x20 }
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
        default: false
        }
    }
}
