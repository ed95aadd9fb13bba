internal import Platform
import Synchronization

/// What the lanes of one destination have learned about its receiver, each from the others' requests, too.
final class DestinationLessons: Sendable {
    private let size = Mutex(LearnedSize())
    private let budget = Mutex(SearchBudget())

    /// Bytes of a request before compression; nil when the receiver has set no limit.
    var limitBytes: Int? { size.withLock { $0.limitBytes } }

    /// Whether even single samples are refused as too large.
    var refusesEverything: Bool { size.withLock { $0.refusesEverything } }

    /// No request leaves before this moment, as the receiver refuses even single samples as too large; nil
    /// when it does not.
    func notBeforeNs(_ nowNs: UInt64) -> UInt64? {
        size.withLock { $0.refusesEverything && $0.notBeforeNs > nowNs ? $0.notBeforeNs : nil }
    }

    /// A request was refused as too large.
    func tooLarge(
        bytes: Int, samples: Int, _ nowNs: UInt64, _ random: inout SplitMix64
    ) -> LearnedSize.Change? {
        size.withLock { $0.refused(bytes: bytes, samples: samples, nowNs, &random) }
    }

    /// A request was stored.
    func stored(bytes: Int, _ nowNs: UInt64) -> LearnedSize.Change? {
        size.withLock { $0.stored(bytes: bytes, nowNs) }
    }

    /// Whether a search may begin. `isSmall`: among series that were left out.
    func beginSearch(_ nowNs: UInt64, isSmall: Bool) -> Bool {
        budget.withLock { $0.beginSearch(nowNs, isSmall: isSmall) }
    }

    /// Takes one request of a search; false when those of this minute are used up.
    func takeProbe(_ nowNs: UInt64) -> Bool { budget.withLock { $0.take(1, nowNs) } }

    /// Takes what it costs to try series again that were left out; false when it has to wait for searches.
    func takeTryingAgain(_ nowNs: UInt64) -> Bool { budget.withLock { $0.takeTryingAgain(nowNs) } }

    /// The batch did not try them again after all.
    func giveBackTryingAgain() { budget.withLock { $0.giveBackTryingAgain() } }
}
