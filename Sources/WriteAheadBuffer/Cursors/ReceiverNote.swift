/// Which receiver a destination's requests leave for, and what a sender has learned of it, for the sender
/// after it.
public struct ReceiverNote: Sendable, Equatable {
    /// Which receiver: a digest of its URL.
    public var receiver: UInt64
    /// What it understands. 0: nobody has found out. 1: remote write 1.0. 2: remote write 2.0.
    public var protocolVersion: UInt8
    /// When that was found, or with 0 when the first sender to it began, in milliseconds since 1970 by the
    /// wall clock.
    public var foundMs: Int64

    public init(receiver: UInt64, protocolVersion: UInt8, foundMs: Int64) {
        self.receiver = receiver
        self.protocolVersion = protocolVersion
        self.foundMs = foundMs
    }
}
