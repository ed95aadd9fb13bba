internal import Logging
internal import WriteAheadBuffer

/// Says once what goes wrong with a lane, once a minute while it lasts, and once that it is over.
struct LaneLog {
    private let logger: Logger
    private var obstacle: LaneStateMachine.Obstacle?
    private var lastObstacleMs: Int64?
    private var lastRefusalMs: Int64?
    private var unsaidRefusals = 0
    private var lastSizeMs: Int64?
    private var lastLeftOutMs: Int64?
    private var lastBufferMs: Int64?
    private var unsaidBufferFaults = 0
    private var lastUnwrittenMs: Int64?

    static let intervalMs: Int64 = 60_000
    /// Jobs that a line names.
    static let mostJobs = 8

    init(_ logger: Logger) { self.logger = logger }

    /// After each try.
    mutating func tried(_ now: LaneStateMachine.Obstacle?, text: String, wallMs: Int64) {
        defer { obstacle = now }
        guard let now else {
            if obstacle != nil { logger.info("remote write goes on") }
            return
        }
        if now == obstacle, !isDue(lastObstacleMs, wallMs) { return }
        lastObstacleMs = wallMs
        let metadata: Logger.Metadata = ["err": "\(text)"]
        switch now {
        case .failing:
            logger.warning("remote write fails; the samples are kept and sent again", metadata: metadata)
        case .throttled: logger.warning("remote write is throttled by the receiver", metadata: metadata)
        case .unauthorized:
            logger.error(
                "remote write is not authorised; samples are held: check credentials, IAM policy and clock",
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
    mutating func sizeChanged(_ change: LearnedSize.Change, text: String, wallMs: Int64) {
        switch change {
        case .limited(let bytes):
            guard isDue(lastSizeMs, wallMs) else { return }
            lastSizeMs = wallMs
            logger.warning(
                "the receiver refused a request as too large; requests to it are made smaller from now on",
                metadata: ["limit_bytes": .stringConvertible(bytes), "err": "\(text)"])
        case .unlimited:
            logger.info("requests to the receiver may have their full size again")
            lastSizeMs = nil
        }
    }

    /// A request was refused for good.
    mutating func refused(reason: String, outcome: Outcomes, text: String, wallMs: Int64) {
        unsaidRefusals += 1
        guard isDue(lastRefusalMs, wallMs) else { return }
        logger.warning(
            "the receiver refused samples of a request",
            metadata: [
                "reason": "\(reason)", "jobs": "\(Self.jobs(outcome))",
                "samples": .stringConvertible(outcome.delivered),
                "refused_requests": .stringConvertible(unsaidRefusals), "err": "\(text)",
            ])
        lastRefusalMs = wallMs
        unsaidRefusals = 0
    }

    /// Series are left out from now on: each new one is said, as searches are few, and one that is refused
    /// again once a minute at most.
    mutating func leftOut(
        _ request: PreparedRequest, isNew: Bool, reason: String, seconds: Int64, wallMs: Int64
    ) {
        guard let part = request.parts.first, isNew || isDue(lastLeftOutMs, wallMs) else { return }
        lastLeftOutMs = wallMs
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

    /// The receiver does not know remote write 2.0.
    func fellBack(text: String) {
        logger.warning(
            """
            the receiver does not understand remote write 2.0, as its answer shows; the same samples are \
            sent again by remote write 1.0, and so are all others from now on
            """, metadata: ["err": "\(text)"])
    }

    /// A receiver answered with success and says that it has not written everything.
    mutating func unwritten(_ missing: WrittenCounts, wallMs: Int64) {
        guard isDue(lastUnwrittenMs, wallMs) else { return }
        lastUnwrittenMs = wallMs
        logger.warning(
            "the receiver answered with success, and says that it has not written all of the request",
            metadata: [
                "samples": .stringConvertible(missing.samples),
                "histograms": .stringConvertible(missing.histograms),
            ])
    }

    /// The buffer or its cursor failed.
    mutating func bufferFailed(_ what: String, _ error: any Error, wallMs: Int64) {
        unsaidBufferFaults += 1
        guard isDue(lastBufferMs, wallMs) else { return }
        logger.error(
            "\(what)", metadata: ["err": "\(error)", "failures": .stringConvertible(unsaidBufferFaults)])
        lastBufferMs = wallMs
        unsaidBufferFaults = 0
    }

    /// The jobs whose samples were sent: the first eight by name, then how many more there are.
    private static func jobs(_ outcome: Outcomes) -> String {
        let jobs = outcome.entries.filter { $0.outcome.delivered > 0 }.map(\.job)
        let named = jobs.prefix(mostJobs).joined(separator: ", ")
        return jobs.count > mostJobs ? "\(named) and \(jobs.count - mostJobs) more" : named
    }

    /// The beginning of a series' labels without control characters.
    private static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(512)
        return scalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : String($0) }.joined()
    }

    private func isDue(_ lastMs: Int64?, _ wallMs: Int64) -> Bool {
        guard let lastMs else { return true }
        return wallMs - lastMs >= Self.intervalMs || wallMs < lastMs
    }
}
