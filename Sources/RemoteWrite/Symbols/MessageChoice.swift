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
        /// This request was not understood by a receiver that has understood others: it goes again.
        case sendAgain
    }

    /// What must be known of an answer.
    struct Answer: Equatable, Sendable {
        var status: Int
        /// Whether it has one of the headers of 2.0 that tell what was written.
        var hasWrittenCounts: Bool
        /// Of a refusal: its text says that the message cannot be read, or nothing that is known.
        var mayBeAboutTheMessage = false

        /// Whether only a receiver that knows 2.0 answers so. A handler may set the headers with every
        /// answer, those to what it does not know included.
        fileprivate var confirms: Bool {
            hasWrittenCounts && ((200..<300).contains(status) || status == 400)
        }

        /// Whether the receiver has looked at the request and decided about it.
        fileprivate var isFinal: Bool { ReceiverAnswer.Meaning(status: status).isFinal }
    }

    /// A destination whose configuration says 2.0 is asked again after an hour; it is said in the log each
    /// time.
    static let askAgainNs: UInt64 = 3_600_000_000_000
    /// A receiver that has understood 2.0 has to answer so often without the headers, within ten minutes,
    /// until it is taken for one that does not: an answer of another one behind the same address, or of one
    /// that throws the samples of a second replica away, is not the destination's.
    static let mostDoubts = 3
    static let doubtNs: UInt64 = 600_000_000_000

    let configured: ProtobufMessage
    /// Whether the receiver has shown that it understands 2.0.
    private(set) var isConfirmed = false
    /// Whether a sender before has found that it does, for `auto`. It may be another program by now: only odd
    /// successes are doubted as those of a receiver that has shown it.
    private var isRemembered = false
    /// When it was found that it does not; nil where it was not.
    private(set) var fellBackNs: UInt64?
    /// Successes without the headers, of a receiver that has understood 2.0, since the first of them.
    private var doubts = 0
    private var firstDoubtNs: UInt64 = 0
    /// Whether the receiver has decided about a request of 2.0, whatever it said.
    private var isAnswered = false

    /// `remembered` is what the receiver was found to understand before, for `auto`.
    init(_ configured: ProtobufMessage, remembered: WriteMessage? = nil) {
        self.configured = configured
        guard configured == .auto else { return }
        switch remembered {
        case .v1: fellBackNs = 0
        case .v2: isRemembered = true
        case nil: break
        }
    }

    /// Whether `auto` does not know yet what the receiver understands: then one request at a time asks.
    var isProbing: Bool {
        configured == .auto && !isConfirmed && !isRemembered && fellBackNs == nil && !isAnswered
    }

    /// What `auto` has found that the receiver understands; nil where that is not known.
    var found: WriteMessage? {
        guard configured == .auto else { return nil }
        return fellBackNs != nil ? .v1 : isConfirmed || isRemembered ? .v2 : nil
    }

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

    /// Takes in the answer to a request of `message` that was cut at `cutNs`. One that was cut before another
    /// one's answer made the destination fall back may fall back, too, but changes nothing: what it says is
    /// older than what is known.
    mutating func answered(
        _ message: WriteMessage, _ answer: Answer, cutNs: UInt64, _ nowNs: UInt64
    ) -> Verdict {
        guard message == .v2 else { return .understood }
        let isLate = fellBackNs.map { cutNs <= $0 } ?? false
        guard isAboutTheMessage(answer) else {
            if answer.isFinal { isAnswered = true }
            if answer.confirms, !isLate {
                isConfirmed = true
                fellBackNs = nil
            }
            return .understood
        }
        if isLate { return .fallBack }
        let isKnown = isConfirmed || isRemembered
        if isKnown, (200..<300).contains(answer.status), !isBeyondDoubt(nowNs) { return .sendAgain }
        (isConfirmed, isRemembered) = (false, false)
        doubts = 0
        fellBackNs = nowNs
        return .fallBack
    }

    /// Whether the answer says that the message was not understood.
    private func isAboutTheMessage(_ answer: Answer) -> Bool {
        switch answer.status {
        case 415: true
        case 200..<300: !answer.hasWrittenCounts
        // Receivers of 1.0 may answer 400 to what they cannot read. One that has understood 2.0 means the
        // samples.
        case 400: !answer.hasWrittenCounts && !isConfirmed && answer.mayBeAboutTheMessage
        default: false
        }
    }

    /// Counts one more success without the headers.
    private mutating func isBeyondDoubt(_ nowNs: UInt64) -> Bool {
        if doubts == 0 || nowNs > firstDoubtNs + Self.doubtNs {
            doubts = 0
            firstDoubtNs = nowNs
        }
        doubts += 1
        return doubts >= Self.mostDoubts
    }
}
