/// What a stand-in AMP does wrong on cue.
public enum AMPFault: Sendable, Equatable {
    /// Answers with this status before it looks at the request. `retryAfter` is that header's value.
    case status(Int, retryAfter: String?, body: String)
    /// Takes the request and never answers.
    case hang
    /// Closes the connection without having taken the request.
    case close
    /// Takes the request, then closes the connection: the sender cannot know.
    case takeThenClose
    /// Takes the request, then answers with this status.
    case takeThenStatus(Int)
    /// Takes and answers rightly, but late.
    case delay(ms: Int64)
}
