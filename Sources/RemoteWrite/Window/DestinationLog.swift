internal import Configuration
internal import Logging
import Synchronization
internal import WriteAheadBuffer

/// Says once what goes wrong with a destination, once a minute while it lasts, and once that it is over,
/// however many of its slots meet it.
final class DestinationLog: Sendable {
    private struct State {
        /// What is in the way of each slot that cannot go on.
        var obstacles: [Int: SlotStateMachine.Obstacle] = [:]
        var obstacleLines: [SlotStateMachine.Obstacle: Pacing] = [:]
        var unauthorizedLines: [UnauthorizedReason: Pacing] = [:]
        /// Something was said of which the end is not said yet.
        var isOpen = false
        /// By reason, so that one does not hide another.
        var refusals: [String: Pacing] = [:]
        /// Samples refused since the last line about their reason.
        var refusedSamples: [String: UInt64] = [:]
        var sizes = Pacing()
        var leftOut = Pacing()
        var bufferFaults = Pacing()
        var unwritten = Pacing()
    }

    /// When a line is due.
    private struct Pacing {
        var lastMs: Int64?
        var unsaid = 0

        /// Counts one more event: how many there were since a line was said, where one is due. It is then
        /// taken for said.
        mutating func count(_ wallMs: Int64) -> Int? {
            unsaid += 1
            if let lastMs, wallMs - lastMs < DestinationLog.intervalMs, wallMs >= lastMs { return nil }
            lastMs = wallMs
            defer { unsaid = 0 }
            return unsaid
        }
    }

    private let logger: Logger
    private let credentials: SentCredentials
    private let state = Mutex(State())

    static let intervalMs: Int64 = 60_000
    /// Jobs that a line names.
    static let mostJobs = 8

    /// `credentials` is what requests are sent with.
    init(_ logger: Logger, _ credentials: SentCredentials = .sigv4) {
        self.logger = logger
        self.credentials = credentials
    }

    /// After each try of a slot's request: what is in its way now, as `answer` and its `text` tell.
    func tried(
        _ now: SlotStateMachine.Obstacle?, slot: Int, _ answer: ReceiverAnswer, text: String, wallMs: Int64
    ) {
        let (isDue, isOver) = state.withLock { state in
            state.obstacles[slot] = now
            // Only what is stored ends a trouble: a refusal for good is the end of a request alone.
            guard let now else { return (false, answer.isStored && Self.end(&state)) }
            return (Self.takeTurn(now, answer.unauthorized, wallMs, &state), false)
        }
        if isOver { logger.info("remote write goes on") }
        if isDue, let now { say(now, answer, text) }
    }

    /// The slot ends, or its request was let go of: nothing is in its way any more, which does not mean that
    /// the trouble is over. The next that is stored says so.
    func gaveUp(slot: Int) { state.withLock { $0.obstacles[slot] = nil } }

    /// Whether what was said is over: nothing is in the way of any slot.
    private static func end(_ state: inout State) -> Bool {
        guard state.isOpen, state.obstacles.isEmpty else { return false }
        state.isOpen = false
        return true
    }

    private static func takeTurn(
        _ now: SlotStateMachine.Obstacle, _ reason: UnauthorizedReason?, _ wallMs: Int64,
        _ state: inout State
    ) -> Bool {
        let unsaid =
            if let reason {
                state.unauthorizedLines[reason, default: Pacing()].count(wallMs)
            } else {
                state.obstacleLines[now, default: Pacing()].count(wallMs)
            }
        guard unsaid != nil else { return false }
        state.isOpen = true
        return true
    }

    private func say(_ obstacle: SlotStateMachine.Obstacle, _ answer: ReceiverAnswer, _ text: String) {
        var metadata: Logger.Metadata = ["err": "\(text)"]
        switch obstacle {
        case .failing:
            logger.warning("remote write fails; the samples are kept and sent again", metadata: metadata)
        case .throttled: logger.warning("remote write is throttled by the receiver", metadata: metadata)
        case .unauthorized:
            let reason = answer.unauthorized ?? .other
            metadata["reason"] = "\(reason.rawValue)"
            let remedy = reason.remedy(text, credentials, isForbidden: answer.statusCode == 403)
            metadata["remedy"] = "\(remedy)"
            metadata["credentials"] = "\(credentials.name)"
            if reason == .denied, let action = UnauthorizedReason.missingAction(text) {
                metadata["action"] = "\(action)"
            }
            logger.error(
                "remote write is not authorised; samples are held: check \(credentials.toCheck)",
                metadata: metadata)
        case .refusing:
            logger.warning(
                """
                the receiver has refused the first request and stored nothing so far; it is sent again after \
                some seconds: check the url and protobuf_message
                """,
                metadata: metadata)
        case .misconfigured:
            logger.error(
                """
                remote write leads nowhere; samples are held: \
                check the url and that it takes remote write
                """,
                metadata: metadata)
        case .refusingSize:
            logger.error(
                """
                the receiver refuses even a single sample as too large; samples are held and sent one \
                by one, slowly: check the limits on the size of a request in the receiver and in proxies \
                before it
                """,
                metadata: metadata)
        }
    }

    /// The receiver taught how large a request may be.
    func sizeChanged(_ change: LearnedSize.Change, text: String, wallMs: Int64) {
        switch change {
        case .limited(let bytes):
            guard state.withLock({ $0.sizes.count(wallMs) }) != nil else { return }
            logger.warning(
                "the receiver refused a request as too large; requests to it are made smaller from now on",
                metadata: ["limit_bytes": .stringConvertible(bytes), "err": "\(text)"])
        case .unlimited:
            logger.info("requests to the receiver may have their full size again")
            state.withLock { $0.sizes = Pacing() }
        }
    }

    /// So many samples of a request were refused for good. A line counts all since the last of its reason.
    /// `hasStored` is whether the receiver has stored a request since this sender began: one that has not may
    /// refuse everything it is sent.
    func refused(
        reason: String, _ samples: UInt64, of outcome: Outcomes, hasStored: Bool = true, text: String,
        wallMs: Int64
    ) {
        let due = state.withLock { state -> (requests: Int, samples: UInt64)? in
            state.refusedSamples[reason, default: 0] &+= samples
            guard let requests = state.refusals[reason, default: Pacing()].count(wallMs) else { return nil }
            return (requests, state.refusedSamples.removeValue(forKey: reason) ?? 0)
        }
        guard let due else { return }
        logger.warning(
            hasStored
                ? "the receiver refused samples of a request"
                : """
                the receiver refused samples of a request, and has not stored a whole request so far: this \
                is mostly a wrong path in the url, a protobuf_message that it does not take, or a limit of \
                the receiver that every request meets; err has its words
                """,
            metadata: [
                "reason": "\(reason)", "jobs": "\(Self.jobs(outcome))",
                "samples": .stringConvertible(due.samples),
                "refused_requests": .stringConvertible(due.requests), "err": "\(text)",
            ])
    }

    /// Series are left out from now on: each new one is said, as searches are few, and one that is refused
    /// again once a minute at most.
    func leftOut(
        _ request: PreparedRequest, isNew: Bool, reason: String, seconds: Int64, wallMs: Int64
    ) {
        let isDue = state.withLock { $0.leftOut.count(wallMs) } != nil
        guard let part = request.parts.first, isNew || isDue else { return }
        let series = request.parts.reduce(0) { $0 + $1.samples.count }
        let name = Self.printable(LeftOutSeries.name(part.samples.lowerBound, of: part.frame))
        logger.warning(
            series == 1
                ? "the receiver refuses every request with this series; it is left out for a while"
                : "the receiver refuses requests for one of these series; they are left out for a while",
            metadata: [
                "series": "\(name)", "series_count": .stringConvertible(series),
                "jobs": "\(Self.jobs(request.outcome))",
                "reason": "\(reason)", "tried_again_after_seconds": .stringConvertible(seconds),
            ])
    }

    /// The receiver does not know remote write 2.0, as its answer shows, of which `text` tells. `configured`
    /// is what the destination is to be sent.
    func fellBack(_ configured: ProtobufMessage, status: Int, text: String) {
        // A success does not explain itself.
        let answer =
            (200..<300).contains(status)
            ? "\(text), without the headers X-Prometheus-Remote-Write-*-Written of 2.0" : text
        let byHand = "protobuf_message: \(ProtobufMessage.v1.text) sets 1.0 by hand"
        guard configured == .auto else {
            logger.warning(
                """
                the receiver does not understand remote write 2.0, which protobuf_message asks for: \
                remote write 1.0 is used for an hour, beginning with the same samples, and then 2.0 is tried \
                again; \(byHand)
                """, metadata: ["answer": "\(answer)"])
            return
        }
        logger.info(
            """
            the receiver does not understand remote write 2.0: remote write 1.0 is used from now on, \
            beginning with the same samples; this is remembered for \(Self.rememberedDays) days, and the \
            first start after them tries 2.0 again; \(byHand)
            """, metadata: ["answer": "\(answer)"])
    }

    private static let rememberedDays = DestinationMessages.rememberedMs / 86_400_000

    /// A receiver answered with success and says that it has not written everything.
    func unwritten(_ missing: WrittenCounts, wallMs: Int64) {
        guard state.withLock({ $0.unwritten.count(wallMs) }) != nil else { return }
        logger.warning(
            "the receiver answered with success, and says that it has not written all of the request",
            metadata: [
                "samples": .stringConvertible(missing.samples),
                "histograms": .stringConvertible(missing.histograms),
            ])
    }

    /// `failed_request_logging`: what a try held that was not stored.
    func notStored(_ request: PreparedRequest, text: String) {
        logger.debug(
            "a request was not stored; this is what it holds",
            metadata: [
                "err": "\(text)", "samples": .stringConvertible(request.sampleCount),
                "series": "\(RequestText.text(request))",
            ])
    }

    /// The buffer or its cursor failed.
    func bufferFailed(_ what: String, _ error: any Error, wallMs: Int64) {
        guard let count = state.withLock({ $0.bufferFaults.count(wallMs) }) else { return }
        logger.error(
            "\(what)", metadata: ["err": "\(error)", "failures": .stringConvertible(count)])
    }

    /// The jobs whose samples were sent: the first eight by name, then how many more there are.
    private static func jobs(_ outcome: Outcomes) -> String {
        let jobs = outcome.entries.filter { $0.outcome.delivered > 0 }.map(\.job)
        let named = jobs.prefix(mostJobs).joined(separator: ", ")
        return jobs.count > mostJobs ? "\(named) and \(jobs.count - mostJobs) more" : named
    }

    /// The beginning of a series' labels without control characters.
    static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(512)
        return scalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : String($0) }.joined()
    }
}
