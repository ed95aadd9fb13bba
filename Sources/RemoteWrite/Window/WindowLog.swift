internal import Logging
internal import WriteAheadBuffer

/// Says what concerns a destination's window as a whole, whichever slot finds it out.
struct WindowLog {
    /// Of the stop that goes on now, where it was said.
    private var said: ReadingStop?
    private var lastSaidNs: UInt64?
    /// When the look was that first found reading stopped, with nothing read since; nil where it goes on.
    private var stoppedNs: UInt64?
    private var hasSaidOptions = false
    private var wasFull = false

    /// A reading that stops and goes on all the time is said once in so long.
    static let intervalNs: UInt64 = 60_000_000_000
    /// A stop is logged once it has lasted five seconds. A receiver that is merely slow causes many stops
    /// that are shorter, since each of its answers may end one.
    static let lastsNs: UInt64 = 5_000_000_000

    /// After each look at the buffer: whether the side queue has become full since the look before. It has,
    /// too, where it was full then and this look has read something (`hasRead`): in between there was room.
    mutating func hasFilled(_ now: ReadingStop?, hasRead: Bool = false) -> Bool {
        defer { wasFull = now == .waitingSamples }
        return now == .waitingSamples && (!wasFull || hasRead)
    }

    /// After each look at the buffer, at `nowNs` of the monotonic clock: says once that reading has stopped,
    /// where that lasts, and once that it goes on, where the stop was said. A look that has read something
    /// (`hasRead`) shows that reading went on, even where it has stopped again since.
    mutating func looked(_ now: ReadingStop?, hasRead: Bool = false, _ logger: Logger, nowNs: UInt64) {
        if now == nil || hasRead {
            stoppedNs = nil
            if said != nil { logger.info("the buffer is read on for this destination") }
            said = nil
        }
        guard let now else { return }
        let beganNs = stoppedNs ?? nowNs
        stoppedNs = beganNs
        guard now != said, nowNs >= beganNs + Self.lastsNs else { return }
        if let lastSaidNs, nowNs < lastSaidNs + Self.intervalNs { return }
        said = now
        lastSaidNs = nowNs
        logger.warning("\(now.sentence)", metadata: ["reason": "\(now.rawValue)"])
    }

    /// The cursor names requests in flight that a sender with as much memory cannot have made.
    func foundDamaged(_ requests: Int, _ logger: Logger) {
        guard requests > 0 else { return }
        logger.warning(
            """
            requests that the cursor says were in flight reach further through the buffer than fits in \
            memory: the cursor is damaged, or the agent had more memory before; their samples are sent as new
            """, metadata: ["requests": .stringConvertible(requests)])
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
