internal import Platform

/// How large a request to one destination may be, learned from the answer 413.
///
/// The first 413 halves the size, or takes the largest size that was stored when that is more. From then on
/// the size is raised by an eighth once a minute, as long as requests come near it. A raise that is refused
/// is taken back, and the next one is tried after twice the time, at most an hour. A 413 to a single sample
/// tells nothing about the size, so what was learned on the way down to it is forgotten with the next
/// request that is stored. What a stored request had proved before is kept.
struct LearnedSize: Sendable {
    /// What changed, for the log.
    enum Change: Sendable, Equatable {
        case limited(toBytes: Int)
        /// Nothing is left of what was learned.
        case unlimited
    }

    /// What a request has at most when nothing is learned.
    let fullBytes: Int
    /// Bytes of a request before compression; nil when nothing is learned.
    private(set) var limitBytes: Int?
    /// No request leaves before: set while even single samples are refused.
    private(set) var notBeforeNs: UInt64 = 0

    /// The largest request stored since the receiver last refused one of at most that size.
    private var storedBytes = 0
    /// The limit before a raise that no stored request has proved yet.
    private var raisedFromBytes: Int?
    private var nextRaiseNs: UInt64 = 0
    private var raiseIntervalNs = Self.firstRaiseIntervalNs
    /// The limit before the refusals of late, none of which a stored request has followed.
    private var beforeDescentBytes: Int?
    private var isDescending = false
    /// Single samples refused since a request was last stored.
    private var refusedSingles = 0
    private var forgetsWhenStored = false
    private var singleBackoff = Backoff(firstMs: Self.singleFirstMs, mostMs: Self.singleMostMs)

    static let firstRaiseIntervalNs: UInt64 = 60_000_000_000
    static let longestRaiseIntervalNs: UInt64 = 3_600_000_000_000
    /// The least raise: some ten samples, so that a size of very few samples does not take hours to grow.
    static let leastRaiseBytes = 1_024
    /// Waits after the second single sample in a row that was refused.
    static let singleFirstMs: Int64 = 5_000
    static let singleMostMs: Int64 = 60_000

    init(fullBytes: Int = BatchCollector.maxRequestBytes) { self.fullBytes = fullBytes }

    /// Whether even single samples are refused.
    var refusesEverything: Bool { refusedSingles > 1 }

    /// A request of `bytes` was refused as too large.
    mutating func refused(
        bytes: Int, samples: Int, _ nowNs: UInt64, _ random: inout SplitMix64
    ) -> Change? {
        guard samples > 1 else {
            refusedSingle(bytes: bytes, nowNs, &random)
            return nil
        }
        // Cut before another slot learned the limit.
        if let limitBytes, bytes > limitBytes { return nil }
        if let before = raisedFromBytes, bytes > before {
            raisedFromBytes = nil
            limitBytes = before
            raiseIntervalNs = min(raiseIntervalNs * 2, Self.longestRaiseIntervalNs)
        } else {
            if !isDescending { beforeDescentBytes = limitBytes }
            isDescending = true
            raisedFromBytes = nil
            if storedBytes >= bytes { storedBytes = 0 }
            limitBytes = max(1, max(bytes / 2, storedBytes))
        }
        nextRaiseNs = nowNs + raiseIntervalNs
        return limitBytes.map { .limited(toBytes: $0) }
    }

    /// A request of `bytes` was stored.
    mutating func stored(bytes: Int, _ nowNs: UInt64) -> Change? {
        let before = limitBytes
        storedBytes = max(storedBytes, bytes)
        if refusedSingles > 0 { recovered(nowNs) }
        isDescending = false
        if let from = raisedFromBytes, bytes > from {
            raisedFromBytes = nil
            raiseIntervalNs = Self.firstRaiseIntervalNs
            nextRaiseNs = nowNs + raiseIntervalNs
        }
        raise(bytes: bytes, nowNs)
        return before != nil && limitBytes == nil ? .unlimited : nil
    }

    private mutating func raise(bytes: Int, _ nowNs: UInt64) {
        // A request of less than half the limit tells nothing about it.
        guard let limit = limitBytes, raisedFromBytes == nil, nowNs >= nextRaiseNs, bytes * 2 >= limit else {
            return
        }
        let raised = limit + max(limit / 8, Self.leastRaiseBytes)
        if raised >= fullBytes {
            limitBytes = nil
        } else {
            raisedFromBytes = limit
            limitBytes = raised
        }
        nextRaiseNs = nowNs + raiseIntervalNs
    }

    private mutating func refusedSingle(bytes: Int, _ nowNs: UInt64, _ random: inout SplitMix64) {
        refusedSingles += 1
        // A sample far above the limit agrees with it.
        if bytes <= 2 * (limitBytes ?? fullBytes) { forgetsWhenStored = true }
        guard refusedSingles > 1 else { return }
        notBeforeNs = max(notBeforeNs, nowNs + UInt64(singleBackoff.nextMs(&random)) * 1_000_000)
    }

    private mutating func recovered(_ nowNs: UInt64) {
        // A size that a stored request has proved before is no part of the way down.
        if forgetsWhenStored, isDescending {
            limitBytes = beforeDescentBytes
            raisedFromBytes = nil
            nextRaiseNs = nowNs + raiseIntervalNs
        }
        forgetsWhenStored = false
        refusedSingles = 0
        notBeforeNs = 0
        singleBackoff.reset()
    }
}
