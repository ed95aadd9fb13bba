/// Samples of one job in a batch.
struct JobCount: Equatable, Sendable {
    let job: String
    var sent: UInt64 = 0
    var dropped: [LaneOutcome.Dropped] = []
}

/// Counts by job, in the order the jobs came.
struct JobCounts: Equatable, Sendable {
    private(set) var jobs: [JobCount] = []

    var sent: UInt64 { jobs.reduce(0) { $0 + $1.sent } }

    mutating func add(_ job: String, sent: Int = 0, dropped: Int = 0, reason: String = "") {
        guard sent + dropped > 0 else { return }
        let index: Int
        if let known = jobs.firstIndex(where: { $0.job == job }) {
            index = known
        } else {
            index = jobs.count
            jobs.append(JobCount(job: job))
        }
        jobs[index].sent += UInt64(sent)
        guard dropped > 0 else { return }
        if let known = jobs[index].dropped.firstIndex(where: { $0.reason == reason }) {
            let before = jobs[index].dropped[known].count
            jobs[index].dropped[known] = .init(reason: reason, count: before + UInt64(dropped))
        } else {
            jobs[index].dropped.append(.init(reason: reason, count: UInt64(dropped)))
        }
    }

    /// The ledger's entries, with what was sent booked as `verdict` says.
    func outcomes(_ verdict: LaneVerdict) -> [LaneOutcome] {
        jobs.map { count in
            switch verdict {
            case .delivered: return LaneOutcome(job: count.job, delivered: count.sent, dropped: count.dropped)
            case .refused(let reason), .givenUp(let reason):
                var dropped = count.dropped
                guard count.sent > 0 else {
                    return LaneOutcome(job: count.job, delivered: 0, dropped: dropped)
                }
                if let index = dropped.firstIndex(where: { $0.reason == reason }) {
                    dropped[index] = .init(reason: reason, count: dropped[index].count + count.sent)
                } else {
                    dropped.append(.init(reason: reason, count: count.sent))
                }
                return LaneOutcome(job: count.job, delivered: 0, dropped: dropped)
            }
        }
    }
}
