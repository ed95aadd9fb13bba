internal import Configuration
import Synchronization

/// Which message the requests of one destination have: a `MessageChoice` that all of them share.
final class DestinationMessages: Sendable {
    private let choice: Mutex<MessageChoice>

    init(_ configured: ProtobufMessage) { choice = Mutex(MessageChoice(configured)) }

    /// The message that a request which is cut now has.
    func current(_ nowNs: UInt64) -> WriteMessage { choice.withLock { $0.current(nowNs) } }

    /// The message of a request that was in flight when the agent ended, and was `sent` then; nil where
    /// that is not known.
    func again(_ sent: WriteMessage?, _ nowNs: UInt64) -> WriteMessage {
        choice.withLock { $0.again(sent, nowNs) }
    }

    /// Takes in the answer to a request of `message`. `isFirst` of a fall-back: the destination was sent
    /// 2.0 until now, which is worth a line in the log.
    func answered(
        _ message: WriteMessage, _ response: LaneAnswer.Response, _ nowNs: UInt64
    ) -> (verdict: MessageChoice.Verdict, isFirst: Bool) {
        let isUnclear = response.reason == .undecodable || response.reason == .badRequest
        let answer = MessageChoice.Answer(
            status: response.status, hasWrittenCounts: response.written != nil,
            mayBeAboutTheMessage: isUnclear)
        return choice.withLock { choice in
            let before = choice.current(nowNs)
            let verdict = choice.answered(message, answer, nowNs)
            return (verdict, verdict == .fallBack && before == .v2)
        }
    }
}
