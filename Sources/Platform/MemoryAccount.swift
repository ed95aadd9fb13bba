import Synchronization

/// What the agent may hold in memory, by kind, and what it holds of it. Whoever holds much charges it here
/// first and gives it back; a charge that does not fit is refused, and what then happens is its owner's rule.
///
/// Any thread. The kinds are few: each has a limit of its own, so that none starves another.
public final class MemoryAccount: Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        /// Bodies of responses: being received, compressed and decoded, until they have been read.
        case bodies
    }

    /// The most that bodies hold on a machine of any size: sixteen of the longest that are read.
    static let bodiesMostBytes = 4 << 30
    /// The least, so that ordinary bodies are read under the smallest limits.
    static let bodiesLeastBytes = 8 << 20
    /// Where there is no limit to take a share of.
    public static let bodiesDefaultBytes = 1 << 30

    private let limits: [Int]
    private let used = Mutex([Int](repeating: 0, count: Kind.allCases.count))

    /// An account whose bodies may hold `bodiesBytes`.
    public init(bodiesBytes: Int = bodiesDefaultBytes) {
        limits = [bodiesBytes]
    }

    /// An account for a process that may have `memoryBytes`; nil is without a limit.
    ///
    /// Bodies have a quarter. A buffer that grows holds itself and half of its next size while it is copied,
    /// and what a body is read into comes beside it, so a quarter for bodies is half of the memory at the
    /// worst; the other half is for series, the backlog and the allocator.
    public convenience init(memoryBytes: UInt64?) {
        guard let memoryBytes else {
            self.init()
            return
        }
        let share = Int(clamping: memoryBytes / 4)
        self.init(bodiesBytes: min(max(share, Self.bodiesLeastBytes), Self.bodiesMostBytes))
    }

    /// Charges `bytes`; false, and nothing charged, when they do not fit.
    public func charge(_ bytes: Int, to kind: Kind) -> Bool {
        let index = Self.index(kind)
        return used.withLock { used in
            guard bytes <= limits[index] - used[index] else { return false }
            used[index] += bytes
            return true
        }
    }

    /// Gives back what was charged.
    public func discharge(_ bytes: Int, from kind: Kind) {
        let index = Self.index(kind)
        used.withLock { used in
            used[index] -= bytes
            precondition(used[index] >= 0, "no more is given back than was charged")
        }
    }

    /// What the kind may hold.
    public func limitBytes(of kind: Kind) -> Int { limits[Self.index(kind)] }

    /// What the kind holds now.
    public func usedBytes(of kind: Kind) -> Int {
        let index = Self.index(kind)
        return used.withLock { $0[index] }
    }

    private static func index(_ kind: Kind) -> Int {
        switch kind {
        case .bodies: 0
        }
    }
}
