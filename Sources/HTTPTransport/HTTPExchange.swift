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
