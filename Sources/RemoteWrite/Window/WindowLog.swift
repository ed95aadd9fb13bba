internal import Logging
internal import WriteAheadBuffer

/// Says what concerns a destination's window as a whole, whichever slot finds it out.
struct WindowLog {
    private var said: ReadingStop?
    private var lastSaidMs: Int64?
    private var hasSaidOptions = false
    private var wasFull = false

    /// A reading that stops and goes on all the time is said once in so long.
    static let intervalMs: Int64 = 60_000

    /// After each look at the log: whether the side queue is full now and was not after the look before.
    mutating func hasFilled(_ now: ReadingStop?) -> Bool {
        defer { wasFull = now == .waitingSamples }
        return now == .waitingSamples && !wasFull
    }

    /// After each look at the log: says once that reading has stopped, and once that it goes on.
    mutating func looked(_ now: ReadingStop?, _ logger: Logger, wallMs: Int64) {
        guard now != said else { return }
        guard let now else {
            said = nil
            logger.info("the log is read on")
            return
        }
        if let lastSaidMs, wallMs >= lastSaidMs, wallMs - lastSaidMs < Self.intervalMs { return }
        said = now
        lastSaidMs = wallMs
        logger.warning("\(now.sentence)", metadata: ["reason": "\(now.rawValue)"])
    }

    /// A request that was in flight before the start is made again: says once that its bytes may differ, as
    /// the configuration is another than the one that made it.
    mutating func madeAgain(_ request: SentRequest, options: UInt64, _ logger: Logger) {
        // A request of the format before has no options.
        guard request.options != 0, request.options != options, !hasSaidOptions else { return }
        hasSaidOptions = true
        logger.warning(
            """
            the configuration of this destination has changed since requests left that have no answer: \
            the same samples are sent again first, and their requests may have other bytes
            """)
    }
}
