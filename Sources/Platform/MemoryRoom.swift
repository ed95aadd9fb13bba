import Synchronization

/// How many bytes the process may still grow by before what is new is refused: a few looks a second at the
/// resident memory set it, and whoever is about to keep more takes from it in between. Any thread.
public final class MemoryRoom: Sendable {
    private let left = Atomic<Int>(.max)

    /// What may be taken although there is no room: for what costs little and spares much work.
    public let reserve: MemoryReserve

    /// Without a ceiling, until the first `set`.
    public init(reserveBytes: Int = 1 << 20) { reserve = MemoryReserve(bytes: reserveBytes) }

    /// Bytes left; `Int.max` where there is no ceiling.
    public var leftBytes: Int { left.load(ordering: .relaxed) }

    /// What a look at the resident memory has found; below zero counts as zero.
    public func set(leftBytes: Int) { left.store(max(0, leftBytes), ordering: .relaxed) }

    /// Gives back what was taken for something that is not kept after all. A look in between has found that
    /// in the resident memory, mostly: what was freed since may be used again without growth.
    public func give(_ bytes: Int) {
        var now = left.load(ordering: .relaxed)
        while now != .max {
            let (sum, isTooMuch) = now.addingReportingOverflow(bytes)
            let (exchanged, original) = left.weakCompareExchange(
                expected: now, desired: isTooMuch ? .max - 1 : min(sum, .max - 1), ordering: .relaxed)
            if exchanged { return }
            now = original
        }
    }

    /// Takes `bytes`, zero or more; false, and nothing taken, when so many are not left.
    public func take(_ bytes: Int) -> Bool {
        var now = left.load(ordering: .relaxed)
        while now != .max {
            guard bytes <= now else { return false }
            let (exchanged, original) = left.weakCompareExchange(
                expected: now, desired: now - bytes, ordering: .relaxed)
            if exchanged { return true }
            now = original
        }
        return true
    }
}
