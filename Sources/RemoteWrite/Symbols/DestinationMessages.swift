internal import Addresses
internal import Configuration
internal import Platform
import Synchronization
internal import WriteAheadBuffer

/// Which message the requests of one destination have: a `MessageChoice` that all of them share.
final class DestinationMessages: Sendable {
    private struct State {
        var choice: MessageChoice
        /// What the cursor has of the receiver.
        var noted: WriteMessage?
        /// When the last fall-back was said in the log.
        var saidNs: UInt64?
    }

    /// What follows from an answer.
    struct Outcome {
        var verdict: MessageChoice.Verdict
        /// Of a fall-back: it is worth a line in the log, as the destination was sent 2.0 until now and it
        /// was not said lately.
        var isSaid = false
        /// For the cursor: what the receiver understands, where that is news.
        var note: ReceiverNote?
    }

    /// Fall-backs are said once in so long.
    private static let sayNs: UInt64 = 60_000_000_000
    /// A receiver that did not understand 2.0 is asked again by the first sender that begins so long after.
    static let rememberedMs: Int64 = 7 * 24 * 3_600_000

    /// A digest of the receiver's URL.
    private let receiver: UInt64
    private let state: Mutex<State>

    /// `remembered` is what the cursor has of a receiver, this one or another.
    init(_ configuration: RemoteWriteConfiguration, remembered: ReceiverNote? = nil, wallMs: Int64) {
        receiver = Self.digest(configuration.url)
        var known: WriteMessage?
        if let remembered, remembered.receiver == receiver {
            known = WriteMessage(rawValue: remembered.protocolVersion)
            let (ageMs, isBeyond) = wallMs.subtractingReportingOverflow(remembered.foundMs)
            // A note of a clock that ran ahead would be believed until that time has come: it is as old as it
            // lies ahead.
            let isOld = isBeyond || ageMs.magnitude >= UInt64(Self.rememberedMs)
            if known == .v1, isOld { known = nil }
        }
        state = Mutex(
            State(choice: MessageChoice(configuration.protobufMessage, remembered: known), noted: known))
    }

    /// FNV-1a of the URL's scheme, host, port, path and query. User and password are left out: they are to
    /// stand in no file in any form.
    static func digest(_ url: String) -> UInt64 {
        var hash = FNV1a(HTTPURL.shown(url))
        if let query = HTTPURL(url)?.query { hash.mix("?\(query)") }
        return hash.value
    }

    /// Whether it is not known yet what the receiver understands: then one request at a time asks.
    var isProbing: Bool { state.withLock { $0.choice.isProbing } }

    /// The message that a request which is cut now has.
    func current(_ nowNs: UInt64) -> WriteMessage { state.withLock { $0.choice.current(nowNs) } }

    /// The message of a request that was in flight when the agent ended, and was `sent` then; nil where
    /// that is not known.
    func again(_ sent: WriteMessage?, _ nowNs: UInt64) -> WriteMessage {
        state.withLock { $0.choice.again(sent, nowNs) }
    }

    /// Takes in the answer to a request of `message` that was cut at `cutNs`.
    func answered(
        _ message: WriteMessage, _ response: ReceiverAnswer.Response, cutNs: UInt64, _ nowNs: UInt64,
        wallMs: Int64
    ) -> Outcome {
        let isUnclear = response.reason == .undecodable || response.reason == .badRequest
        let answer = MessageChoice.Answer(
            status: response.status, hasWrittenCounts: response.written != nil,
            mayBeAboutTheMessage: isUnclear)
        return state.withLock { state in
            let before = state.choice.current(nowNs)
            var outcome = Outcome(
                verdict: state.choice.answered(message, answer, cutNs: cutNs, nowNs))
            if let found = state.choice.found, found != state.noted {
                state.noted = found
                outcome.note = ReceiverNote(
                    receiver: receiver, protocolVersion: found.rawValue, foundMs: wallMs)
            }
            guard outcome.verdict == .fallBack, before == .v2,
                state.saidNs.map({ nowNs >= $0 + Self.sayNs }) ?? true
            else { return outcome }
            state.saidNs = nowNs
            outcome.isSaid = true
            return outcome
        }
    }
}
