import Synchronization

/// What the agent may hold in memory, by kind, and what it holds of it. Whoever holds much charges it here
/// first and gives it back; a charge that does not fit is refused, and what then happens is its owner's rule.
///
/// Any thread. The kinds are few: each has a limit of its own, so that none starves another.
public final class MemoryAccount: Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        /// Bodies of responses: being received, compressed and decoded, until they have been read.
        case bodies
        /// What readers of the buffer and the windows of requests in flight hold: a column of each target
        /// that is the base of its next one, layouts that were read, frames that wait or fly with their
        /// requests, symbols of remote write 2.0, and what the appender keeps for readers that follow it.
        case reading
    }

    /// The most that a kind holds on a machine of any size: of bodies sixteen of the longest that are read.
    static let mostBytes = 4 << 30
    /// The least, so that ordinary bodies are read, and a window filled, under the smallest limits.
    static let leastBytes = 8 << 20
    /// Where there is no limit to take a share of.
    public static let defaultBytes = 1 << 30

    private struct Amounts {
        var limits: [Int]
        var used = [Int](repeating: 0, count: Kind.allCases.count)
        /// The most that each kind has held since it was last asked for.
        var peaks = [Int](repeating: 0, count: Kind.allCases.count)

        mutating func add(_ bytes: Int, at index: Int) {
            used[index] += bytes
            peaks[index] = max(peaks[index], used[index])
        }
    }

    private let amounts: Mutex<Amounts>
    private let wholeLimits: [Int]
    /// How many owners share each kind.
    private let owners = Mutex([Int](repeating: 0, count: Kind.allCases.count))

    /// An account whose kinds may hold so much.
    public init(bodiesBytes: Int = defaultBytes, readingBytes: Int = defaultBytes) {
        wholeLimits = [bodiesBytes, readingBytes]
        amounts = Mutex(Amounts(limits: wholeLimits))
    }

    /// An account for a process that may have `memoryBytes`; nil is without a limit.
    ///
    /// Bodies have a quarter. A buffer that grows holds itself and half of its next size while it is copied,
    /// and what a body is read into comes beside it, so a quarter for bodies is half of the memory at the
    /// worst. Reading has another quarter: half of that for the windows of all destinations, and half for
    /// what readers hold, eight bytes a series for each destination that is behind. The last
    /// quarter is for series and the allocator.
    public convenience init(memoryBytes: UInt64?) {
        guard let memoryBytes else {
            self.init()
            return
        }
        let share = min(max(Int(clamping: memoryBytes / 4), Self.leastBytes), Self.mostBytes)
        self.init(bodiesBytes: share, readingBytes: share)
    }

    /// Charges `bytes`; false, and nothing charged, when they do not fit. `withinWhole` is for what is not
    /// bound by a limit that is narrowed, or by a rule of its owner's: it has to fit into the whole limit.
    public func charge(_ bytes: Int, to kind: Kind, withinWhole: Bool = false) -> Bool {
        let index = Self.index(kind)
        return amounts.withLock { amounts in
            var limit = amounts.limits[index]
            if withinWhole { limit = max(limit, wholeLimits[index]) }
            guard bytes <= limit - amounts.used[index] else { return false }
            amounts.add(bytes, at: index)
            return true
        }
    }

    /// Gives back what was charged.
    public func discharge(_ bytes: Int, from kind: Kind) {
        let index = Self.index(kind)
        amounts.withLock { amounts in
            amounts.used[index] -= bytes
            precondition(amounts.used[index] >= 0, "no more is given back than was charged")
        }
    }

    /// Charges whether it fits or not: what is there already, or what a body needs to come to its end, after
    /// which it gives everything back. Below zero gives back.
    public func change(_ kind: Kind, by bytes: Int) {
        let index = Self.index(kind)
        amounts.withLock { amounts in
            amounts.add(bytes, at: index)
            precondition(amounts.used[index] >= 0, "no more is given back than was charged")
        }
    }

    /// One more owner shares the kind (`MemoryShare`), or one less.
    func changeShares(of kind: Kind, by count: Int) {
        let index = Self.index(kind)
        owners.withLock { $0[index] += count }
    }

    /// How many owners share the kind.
    func shares(of kind: Kind) -> Int {
        let index = Self.index(kind)
        return owners.withLock { $0[index] }
    }

    /// What the kind may hold.
    public func limitBytes(of kind: Kind) -> Int {
        let index = Self.index(kind)
        return amounts.withLock { $0.limits[index] }
    }

    /// What the kind may hold while its limit is not narrowed by `setLimit`. What does not fit into this by
    /// itself never will; what does not fit into the narrowed limit only has to wait.
    public func wholeLimitBytes(of kind: Kind) -> Int { wholeLimits[Self.index(kind)] }

    /// Lets the kind hold so many bytes from now on. What it holds beyond them stays charged: nothing more
    /// fits until enough of it was given back.
    public func setLimit(of kind: Kind, toBytes bytes: Int) {
        let index = Self.index(kind)
        amounts.withLock { $0.limits[index] = bytes }
    }

    /// What the kind holds now.
    public func usedBytes(of kind: Kind) -> Int {
        let index = Self.index(kind)
        return amounts.withLock { $0.used[index] }
    }

    /// The most that the kind has held since this was last asked, and what it holds now. For one asker.
    public func takePeakBytes(of kind: Kind) -> (peak: Int, used: Int) {
        let index = Self.index(kind)
        return amounts.withLock { amounts in
            defer { amounts.peaks[index] = amounts.used[index] }
            return (amounts.peaks[index], amounts.used[index])
        }
    }

    private static func index(_ kind: Kind) -> Int {
        switch kind {
        case .bodies: 0
        case .reading: 1
        }
    }
}
