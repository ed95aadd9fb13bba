public import Platform
import Synchronization

/// What signals ask for: the first of those that end to stop, a later one to do so at once; and to reload.
public final class StopRequests: Sendable {
    /// Signalled by the first.
    public let stop = Event()
    /// Signalled by one that comes later.
    public let atOnce = Event()
    /// Signalled whenever the configuration is to be read again.
    public let reload = Event()

    private let firstNs = Mutex<UInt64?>(nil)

    /// A wrapper such as timeout(1) passes a Ctrl-C on that the terminal gave the agent as well: within this
    /// time the two count as one.
    static let doubledNs: UInt64 = 1_000_000_000

    public init() {}

    /// Somebody asked for the end in another way than by a signal, at a moment of the monotonic clock. While
    /// the agent stops this changes nothing; a signal that comes later ends the stop at once.
    public func requested(atNs nowNs: UInt64) {
        let isFirst = firstNs.withLock { first in
            defer { first = first ?? nowNs }
            return first == nil
        }
        if isFirst { stop.signal() }
    }

    /// A signal has come at a moment of the monotonic clock.
    public func received(atNs nowNs: UInt64) {
        let sinceFirstNs = firstNs.withLock { first -> UInt64? in
            guard let known = first else {
                first = nowNs
                return nil
            }
            return nowNs - min(known, nowNs)
        }
        guard let sinceFirstNs else { return stop.signal() }
        if sinceFirstNs >= Self.doubledNs { atOnce.signal() }
    }
}
