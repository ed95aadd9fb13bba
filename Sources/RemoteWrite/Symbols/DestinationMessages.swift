internal import Configuration
import Synchronization

/// Which message the requests of one destination have: a `MessageChoice` that all of them share.
final class DestinationMessages: Sendable {
    private struct State {
        var choice: MessageChoice
        /// When the last fall-back was said in the log.
        var saidNs: UInt64?
    }

    /// Fall-backs are said once in so long.
    private static let sayNs: UInt64 = 60_000_000_000

    private let state: Mutex<State>

    init(_ configured: ProtobufMessage) { state = Mutex(State(choice: MessageChoice(configured))) }

    /// The message that a request which is cut now has.
    func current(_ nowNs: UInt64) -> WriteMessage { state.withLock { $0.choice.current(nowNs) } }

    /// The message of a request that was in flight when the agent ended, and was `sent` then; nil where
    /// that is not known.
    func again(_ sent: WriteMessage?, _ nowNs: UInt64) -> WriteMessage {
        state.withLock { $0.choice.again(sent, nowNs) }
    }

    /// Takes in the answer to a request of `message` that was cut at `cutNs`. `isSaid` of a fall-back: it is
    /// worth a line in the log, as the destination was sent 2.0 until now and it was not said lately.
    func answered(
        _ message: WriteMessage, _ response: ReceiverAnswer.Response, cutNs: UInt64, _ nowNs: UInt64
    ) -> (verdict: MessageChoice.Verdict, isSaid: Bool) {
        let isUnclear = response.reason == .undecodable || response.reason == .badRequest
        let answer = MessageChoice.Answer(
            status: response.status, hasWrittenCounts: response.written != nil,
            mayBeAboutTheMessage: isUnclear)
        return state.withLock { state in
            let before = state.choice.current(nowNs)
            let verdict = state.choice.answered(message, answer, cutNs: cutNs, nowNs)
            guard verdict == .fallBack, before == .v2,
                state.saidNs.map({ nowNs >= $0 + Self.sayNs }) ?? true
            else { return (verdict, false) }
            state.saidNs = nowNs
            return (verdict, true)
        }
    }
}
