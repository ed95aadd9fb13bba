/// An exchange that begins by itself when its time has come: a scrape.
///
/// Both calls come on the client's own thread, so neither blocks nor computes: they decide and hand over.
/// This way there is no context switch between tick and request, and one between the answer and the worker
/// that reads it. A task that sleeps until the tick and waits for the answer cost seven more, and a sixth of
/// the whole agent's processor time.
public protocol HTTPExchange: AnyObject, Sendable {
    /// The time has come: what to ask, or nil when nothing is to be asked (any more).
    func begin() -> HTTPRequest?
    /// How it ended; the response's body is not decoded yet. Called once for each `schedule`, unless `begin`
    /// gave nil.
    func end(_ result: Result<HTTPResponse, HTTPError>)
}

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
