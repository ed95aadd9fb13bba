public import HTTPServer
internal import JSON
public import Platform
import Synchronization

/// The data plane of Amazon Managed Service for Prometheus, on loopback: takes remote write 1.0, checks all
/// that a receiver can check, and counts.
public final class StandInAMP: Sendable {
    struct State {
        var ledger: SampleLedger
        var counts = AMPCounts()
        var ages = SampleAges()
        /// Requests that came to be counted or verified.
        var taken = 0
        var fault: AMPFault?
        /// Requests that the fault is still good for; nil for no end.
        var faultRequests: Int?
        var faultUntilNs: UInt64?
        /// A delay without end that a fault with an end has put aside. It comes back then.
        var delayAfterwards: AMPFault?
        var requestLimitBytes: Int
        /// Nil takes any number of samples.
        var budget: SampleBudget?

        /// Ends a fault that has an end. Returns the one that goes on.
        mutating func endFault() -> AMPFault? {
            fault = delayAfterwards
            (faultRequests, faultUntilNs, delayAfterwards) = (nil, nil, nil)
            return fault
        }

        mutating func note(
            _ request: ServerRequest, _ uncompressedBytes: Int, _ times: SampleTimes, nowMs: Int64
        ) {
            counts.compressedBytes += UInt64(request.body.count)
            counts.uncompressedBytes += UInt64(uncompressedBytes)
            ages.note(times, nowMs: nowMs)
            budget?.spend(times.samples)
        }
    }

    public let configuration: AMPConfiguration
    let clock: any AgentClock
    let state: Mutex<State>
    private let verifier: SigV4Verifier?
    /// Of the ledger's hashes.
    private let seed: UInt64
    private let server = Mutex<HTTPServer?>(nil)

    private init(_ configuration: AMPConfiguration, clock: any AgentClock) {
        self.configuration = configuration
        self.clock = clock
        verifier = configuration.credentials.map {
            SigV4Verifier(
                credentials: $0, region: configuration.region, service: configuration.service, clock: clock,
                requiresContentType: configuration.requiresSignedContentType)
        }
        let ledger = SampleLedger(
            outOfOrderWindowMs: configuration.outOfOrderWindowMs,
            maxSampleAgeMs: configuration.maxSampleAgeMs, keepsHistory: configuration.keepsHistory,
            keepsArrivals: configuration.keepsArrivals)
        seed = ledger.seed
        state = Mutex(
            State(
                ledger: ledger, requestLimitBytes: configuration.requestLimitBytes,
                budget: configuration.samplesPerSecond.map { SampleBudget(samplesPerSecond: $0) }))
    }

    /// Starts listening on loopback.
    public static func start(
        _ configuration: AMPConfiguration = AMPConfiguration(), clock: any AgentClock = SystemClock()
    ) async throws(ServerError) -> StandInAMP {
        let endpoint = StandInAMP(configuration, clock: clock)
        let server = try await HTTPServer.startStandIn(
            port: configuration.port, bodyLimitBytes: 64 << 20, maxConnections: 1_024
        ) { [weak endpoint] in endpoint?.answer($0) ?? ServerResponse(status: 503) }
        endpoint.server.withLock { $0 = server }
        return endpoint
    }

    public var port: Int { server.withLock { $0?.port ?? 0 } }
    public var path: String { "/workspaces/\(configuration.workspace)/api/v1/remote_write" }
    /// What `remote_write.url` is set to.
    public var url: String { "http://127.0.0.1:\(port)\(path)" }

    /// The counts now.
    public var counts: AMPCounts {
        state.withLock { state in
            var counts = state.ledger.counts
            counts.requests = state.counts.requests
            counts.receivedBytes = state.counts.receivedBytes
            counts.answers = state.counts.answers
            counts.signaturesChecked = state.counts.signaturesChecked
            counts.signaturesRefused = state.counts.signaturesRefused
            counts.unsigned = state.counts.unsigned
            counts.compressedBytes = state.counts.compressedBytes
            counts.uncompressedBytes = state.counts.uncompressedBytes
            counts.malformed = state.counts.malformed
            counts.samples += state.counts.samples
            counts.series = state.ledger.series.count
            counts.jobs = state.ledger.jobs
            return counts
        }
    }

    /// How old samples were when they came, those among them that were not taken.
    public var ages: SampleAges { state.withLock { $0.ages } }

    /// What has come of each scrape; empty without `keepsArrivals`.
    public var arrivals: [ArrivedScrape] { state.withLock { $0.ledger.arrivals }?.scrapes ?? [] }

    /// What has come since the question that gave this cursor, all of it for 0; nothing without
    /// `keepsArrivals`.
    public func arrivalChanges(since cursor: UInt64) -> ArrivalChanges {
        state.withLock { $0.ledger.arrivalChanges(since: cursor) }
            ?? ArrivalChanges(next: cursor, scrapes: [])
    }

    /// The newest sample of the series with exactly these labels.
    public func latest(_ labels: [(name: String, value: String)]) -> (timestampMs: Int64, value: Double)? {
        state.withLock { $0.ledger.latest(labels) }.map { ($0.timestampMs, $0.value) }
    }

    /// Sets what goes wrong from now on: for so many requests, for so long, or until it is set to nil. A
    /// fault that has an end puts a delay that has none aside: answers are late again when it is over.
    public func setFault(_ fault: AMPFault?, requests: Int? = nil, forMs: Int64? = nil) {
        let untilNs = forMs.map { clock.monotonicNs + UInt64(max(0, $0)) * 1_000_000 }
        state.withLock { state in
            let isEndless = state.faultRequests == nil && state.faultUntilNs == nil
            if requests == nil, untilNs == nil {
                state.delayAfterwards = nil
            } else if isEndless, case .delay? = state.fault {
                state.delayAfterwards = state.fault
            }
            state.fault = fault
            state.faultRequests = requests
            state.faultUntilNs = untilNs
        }
    }

    /// Compressed bytes of a request that are still taken.
    public func setRequestLimit(bytes: Int) { state.withLock { $0.requestLimitBytes = bytes } }

    public func stop() async {
        let running = server.withLock { $0.take() }
        await running?.stop(graceMs: 100)
    }

    private func answer(_ request: ServerRequest) -> ServerResponse {
        if let response = controlAnswer(request) { return response }
        guard request.path == path else {
            return message(404, "no such path", type: "UnknownOperationException")
        }
        guard request.method == "POST" else { return message(405, "Method Not Allowed", type: nil) }
        let fault = nextFault()
        var response: ServerResponse
        switch fault {
        case .status(let status, let retryAfter, let body):
            response = ServerResponse(status: status, contentType: "application/json", text: body)
            if let retryAfter { response.headers.add("Retry-After", retryAfter) }
        case .close: response = ServerResponse(fault: .closeWithoutAnswer)
        case .hang, .takeThenClose, .takeThenStatus, .delay, nil: response = take(request)
        }
        switch fault {
        case .hang: response.set(fault: .neverAnswer)
        case .takeThenClose: response.set(fault: .closeWithoutAnswer)
        case .takeThenStatus(let status): response = message(status, "a fault on cue", type: nil)
        case .delay(let ms): response.set(fault: .delay(ms: ms))
        case .status, .close, nil: break
        }
        response.headers.add("x-amzn-RequestId", "00000000-0000-0000-0000-000000000000")
        let status = response.fault?.hidesStatus ?? false ? "0" : String(response.status)
        state.withLock { state in
            state.counts.requests += 1
            state.counts.receivedBytes += UInt64(request.body.count)
            state.counts.answers[status, default: 0] += 1
        }
        return response
    }

    private func nextFault() -> AMPFault? {
        let nowNs = clock.monotonicNs
        return state.withLock { state in
            guard let fault = state.fault else { return nil }
            if let untilNs = state.faultUntilNs, nowNs >= untilNs { return state.endFault() }
            if let left = state.faultRequests {
                guard left > 0 else { return state.endFault() }
                state.faultRequests = left - 1
            }
            return fault
        }
    }

    /// Checks in the order a service does: size, signature, headers, body, samples. Of requests that are
    /// only counted, the samples' times are read and nothing is checked but the size.
    private func take(_ request: ServerRequest) -> ServerResponse {
        let (limit, isVerified) = state.withLock { state in
            defer { state.taken += 1 }
            return (state.requestLimitBytes, state.taken % configuration.verifiesOneIn == 0)
        }
        guard request.body.count <= limit else { return message(413, "Request Too Long", type: nil) }
        let nowNs = clock.monotonicNs
        guard state.withLock({ $0.budget?.takes(nowNs: nowNs) ?? true }) else {
            var refusal = message(429, "Rate exceeded", type: "ThrottlingException")
            refusal.headers.add("Retry-After", "1")
            return refusal
        }
        guard isVerified else { return count(request) }
        if let verifier {
            do throws(SigV4Refusal) {
                try verifier.verify(request)
                state.withLock { $0.counts.signaturesChecked += 1 }
            } catch {
                state.withLock { $0.counts.signaturesRefused += 1 }
                return message(403, error.message, type: error.type)
            }
        }
        if verifier == nil, request.headers["Authorization"] == nil {
            state.withLock { $0.counts.unsigned += 1 }
        }
        if let fault = headerFault(request) { return malformed(fault) }
        let refusal: String?
        do throws(WriteRequestDecoder.Failure) {
            refusal = try enter(request)
        } catch {
            return malformed(error.message)
        }
        guard let refusal else { return ServerResponse() }
        return ServerResponse(
            status: 400, text: "user=123456789012_\(configuration.workspace): err: \(refusal)\n")
    }

    /// Reads a request and enters its samples. Returns why some of them were refused.
    private func enter(_ request: ServerRequest) throws(WriteRequestDecoder.Failure) -> String? {
        let plain = try plain(request)
        let nowMs = clock.wallMs
        if !configuration.keepsHistory, let walked = WalkedRequest(plain.span, seed: seed) {
            let times = SampleTimes(walked.samples)
            let result = state.withLock { state -> Result<String?, WriteRequestDecoder.Failure> in
                do throws(WriteRequestDecoder.Failure) {
                    let refusal = try state.ledger.take(walked, of: plain, nowMs: nowMs)
                    state.note(request, plain.count, times, nowMs: nowMs)
                    return .success(refusal)
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }
        let decoded = try WriteRequestDecoder.decode(plain: plain)
        let times = try Self.times(plain)
        return state.withLock { state in
            state.note(request, decoded.uncompressedBytes, times, nowMs: nowMs)
            return state.ledger.take(decoded, nowMs: nowMs)
        }
    }

    /// Takes a request without looking at its signature, its headers and its labels.
    private func count(_ request: ServerRequest) -> ServerResponse {
        do throws(WriteRequestDecoder.Failure) {
            let plain = try plain(request)
            let times = try Self.times(plain)
            let nowMs = clock.wallMs
            state.withLock { state in
                state.note(request, plain.count, times, nowMs: nowMs)
                state.counts.samples += UInt64(times.samples)
            }
            return ServerResponse()
        } catch {
            return malformed(error.message)
        }
    }

    private func plain(_ request: ServerRequest) throws(WriteRequestDecoder.Failure) -> [UInt8] {
        try WriteRequestDecoder.uncompress(request.body, limitBytes: configuration.uncompressedLimitBytes)
    }

    private static func times(_ plain: [UInt8]) throws(WriteRequestDecoder.Failure) -> SampleTimes {
        guard let times = SampleTimes(plain.span) else {
            throw WriteRequestDecoder.Failure(message: "proto: the WriteRequest cannot be read")
        }
        return times
    }

    private func malformed(_ why: String) -> ServerResponse {
        state.withLock { $0.counts.malformed += 1 }
        return ServerResponse(status: 400, text: why + "\n")
    }

    private func headerFault(_ request: ServerRequest) -> String? {
        for (name, value) in [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "snappy")]
        where request.headers[name] != value {
            return "\(name) must be \(value), not '\(request.headers[name] ?? "")'"
        }
        guard let version = request.headers["X-Prometheus-Remote-Write-Version"], version.hasPrefix("0.1.")
        else {
            return "X-Prometheus-Remote-Write-Version must be 0.1.0"
        }
        return request.headers["X-Scope-OrgID"] == nil ? nil : "X-Scope-OrgID is not taken here"
    }

    /// An error as the gateway in front of AMP tells it.
    private func message(_ status: Int, _ text: String, type: String?) -> ServerResponse {
        var response = ServerResponse(
            status: status, contentType: "application/json", text: JSONValue.message(text).text())
        if let type { response.headers.add("x-amzn-ErrorType", type) }
        return response
    }
}
