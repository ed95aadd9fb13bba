internal import Configuration

/// Which message of remote write a destination is sent, by configuration and by what the receiver has
/// answered. One of it is shared by all requests of a destination.
///
/// The specification of 2.0 lets a sender fall back when the receiver does not support the message: it says
/// so with 415, or, having been made before 2.0, takes the message for an empty one and answers 2xx without
/// the headers that tell what was written. Samples that were sent so are not stored: they go again.
struct MessageChoice: Sendable, Equatable {
    /// What an answer says about the message.
    enum Verdict: Equatable, Sendable {
        /// Nothing new: the answer is about the samples.
        case understood
        /// The receiver does not know the message: the same samples go again as 1.0.
        case fallBack
    }

    /// What must be known of an answer.
    struct Answer: Equatable, Sendable {
        var status: Int
        /// Whether it has one of the headers of 2.0 that tell what was written.
        var hasWrittenCounts: Bool
        /// Of a refusal: its text says that the message cannot be read, or nothing that is known.
        var mayBeAboutTheMessage = false
    }

    /// A destination whose configuration says 2.0 is asked again after an hour; it is said in the log each
    /// time.
    static let askAgainNs: UInt64 = 3_600_000_000_000

    let configured: ProtobufMessage
    /// Whether the receiver has shown that it understands 2.0.
    private(set) var isConfirmed = false
    /// When it was found that it does not; nil where it was not.
    private(set) var fellBackNs: UInt64?

    init(_ configured: ProtobufMessage) { self.configured = configured }

    /// The message that a request which is cut now has.
    func current(_ nowNs: UInt64) -> WriteMessage {
        guard configured != .v1 else { return .v1 }
        guard let fellBackNs else { return .v2 }
        // Only written out is 2.0 what the operator wants of this receiver.
        return configured == .v2 && nowNs >= fellBackNs + Self.askAgainNs ? .v2 : .v1
    }

    /// The message of a request that was in flight as `sent` when the agent ended, with the same options:
    /// the same, so that its bytes are. 2.0 only as long as the receiver has not shown since that it does
    /// not know it. nil for `sent` where that is not known.
    func again(_ sent: WriteMessage?, _ nowNs: UInt64) -> WriteMessage {
        sent == .v1 ? .v1 : current(nowNs)
    }

    /// Takes in the answer to a request of `message`. A request that was sent before another one's answer
    /// made the destination fall back falls back, too.
    mutating func answered(_ message: WriteMessage, _ answer: Answer, _ nowNs: UInt64) -> Verdict {
        guard message == .v2 else { return .understood }
        if answer.hasWrittenCounts {
            isConfirmed = true
            fellBackNs = nil
            return .understood
        }
        switch answer.status {
        case 200..<300, 415: break
        // Receivers of 1.0 may answer 400 to what they cannot read. One that has understood 2.0 means the
        // samples.
        case 400 where configured == .auto && !isConfirmed && answer.mayBeAboutTheMessage: break
        default: return .understood
        }
        isConfirmed = false
        fellBackNs = nowNs
        return .fallBack
    }
}
