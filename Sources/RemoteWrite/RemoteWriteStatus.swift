/// How one destination fares: for pages and for the end of a drain.
public struct RemoteWriteStatus: Sendable {
    public let name: String
    /// Without user, password and query.
    public let url: String
    public let slots: [SlotStatus]
    /// How old the oldest frame read and not answered for is; nil when there is none.
    public let backlogAgeMs: Int64?
    /// Wall clock of the last request stored; nil before the first.
    public let lastStoredMs: Int64?
    /// Why the buffer is not read on though there may be more; nil mostly.
    public let readingStop: ReadingStop?
    /// Samples older than this are dropped instead of being sent; nil where none are for their age.
    public let sampleAgeLimitMs: Int64?
}
