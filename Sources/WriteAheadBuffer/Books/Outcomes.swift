/// What became of samples, by job, in the order in which the jobs came.
public struct Outcomes: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    /// One job's part.
    public struct Entry: Sendable, Equatable {
        public let job: String
        public fileprivate(set) var outcome: JobOutcome
    }

    public private(set) var entries: [Entry] = []

    public init() {}

    public init(dictionaryLiteral elements: (String, JobOutcome)...) {
        for (job, outcome) in elements { add(outcome, of: job) }
    }

    public var isEmpty: Bool { entries.isEmpty }

    /// Samples of all jobs that were delivered.
    public var delivered: UInt64 { entries.reduce(0) { SampleCount.sum($0, $1.outcome.delivered) } }

    /// All samples of all jobs.
    public var total: UInt64 { entries.reduce(0) { SampleCount.sum($0, $1.outcome.total) } }

    /// Samples of all jobs that were let go, by reason.
    public var dropped: [String: UInt64] {
        entries.reduce(into: [:]) { $0.merge($1.outcome.dropped, uniquingKeysWith: SampleCount.sum) }
    }

    /// Adds to a job's part.
    public mutating func add(_ outcome: JobOutcome, of job: String) {
        let index = index(of: job)
        entries[index].outcome.add(outcome)
    }

    /// Adds every job's part of `others`.
    public mutating func add(_ others: Outcomes) {
        for entry in others.entries { add(entry.outcome, of: entry.job) }
    }

    /// Adds `count` samples that are delivered; none of them makes no entry.
    public mutating func deliver(_ count: Int, of job: String) {
        guard count > 0 else { return }
        let index = index(of: job)
        entries[index].outcome.delivered = SampleCount.sum(entries[index].outcome.delivered, UInt64(count))
    }

    /// Adds `count` samples that are let go; none of them makes no entry.
    public mutating func drop(_ count: Int, of job: String, _ reason: String) {
        guard count > 0 else { return }
        let index = index(of: job)
        entries[index].outcome.drop(UInt64(count), reason)
    }

    /// The same samples where nothing was delivered: what is so here is let go for `reason`.
    public func undelivered(_ reason: String) -> Outcomes {
        var result = self
        for index in result.entries.indices {
            result.entries[index].outcome.drop(entries[index].outcome.delivered, reason)
            result.entries[index].outcome.delivered = 0
        }
        return result
    }

    /// The same samples where `count` of the delivered were not: they are let go for `reason`. Which job's
    /// they are is not known, so each job has a share in proportion to what of it was sent; where one job has
    /// all of them that is exact.
    public func undelivered(_ count: UInt64, _ reason: String) -> Outcomes {
        let all = delivered
        guard count < all else { return undelivered(reason) }
        var result = self
        var (sent, shared): (UInt64, UInt64) = (0, 0)
        for index in entries.indices {
            sent = SampleCount.sum(sent, entries[index].outcome.delivered)
            // The shares of all jobs up to this one, so that the sum is exact. `all` is above 0 and not less
            // than `sent`.
            let product = count.multipliedFullWidth(by: sent)
            let upTo = all.dividingFullWidth(product).quotient
            result.entries[index].outcome.delivered -= upTo - shared
            result.entries[index].outcome.drop(upTo - shared, reason)
            shared = upTo
        }
        return result
    }

    private mutating func index(of job: String) -> Int {
        if let known = entries.firstIndex(where: { $0.job == job }) { return known }
        entries.append(Entry(job: job, outcome: JobOutcome()))
        return entries.count - 1
    }
}
