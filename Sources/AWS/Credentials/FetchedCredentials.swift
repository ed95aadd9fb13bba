/// Credentials as they came, with the clock of whoever gave them.
struct FetchedCredentials: Sendable, Equatable {
    var credentials: Credentials
    /// Milliseconds since 1970 by the giver's clock; nil when it did not say.
    var dateMs: Int64?

    /// How long they are good for, told by the giver's own clock where it said it, so that a wrong clock here
    /// does no harm. Nil when they do not expire.
    func remainingMs(wallMs: Int64) -> Int64? {
        credentials.expiresAtMs.map { $0 - (dateMs ?? wallMs) }
    }
}
