/// What a sender has learned of the receiver of a destination, for the sender after it.
public struct ReceiverNote: Sendable, Equatable {
    /// Which receiver: a digest of its URL.
    public var receiver: UInt64
    /// What it understands. 1: remote write 1.0. 2: remote write 2.0.
    public var protocolVersion: UInt8
    /// When that was found, in milliseconds since 1970 by the wall clock.
    public var foundMs: Int64

    public init(receiver: UInt64, protocolVersion: UInt8, foundMs: Int64) {
        self.receiver = receiver
        self.protocolVersion = protocolVersion
        self.foundMs = foundMs
    }
}
