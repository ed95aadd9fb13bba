/// Whoever begins exchanges at their time: `HTTPClient`, and fakes in tests.
public protocol HTTPScheduling: Sendable {
    /// Calls `begin` when the monotonic clock shows `deadlineNs`, give or take a millisecond, then `end`. The
    /// number returned is for `cancel`.
    @discardableResult
    func schedule(_ exchange: any HTTPExchange, atNs deadlineNs: UInt64) -> UInt64
    /// Ends an exchange with `.cancelled`, whether it has begun or not; nothing happens when it is over.
    func cancel(_ id: UInt64)
}

extension HTTPClient: HTTPScheduling {
    @discardableResult
    public func schedule(_ exchange: any HTTPExchange, atNs deadlineNs: UInt64) -> UInt64 {
        queue.schedule(exchange, atNs: deadlineNs)
    }

    public func cancel(_ id: UInt64) { queue.cancel(id) }
}
