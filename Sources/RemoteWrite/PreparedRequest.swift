internal import MetricModel

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

/// What a request's samples are booked as.
enum LaneVerdict: Equatable, Sendable {
    case delivered
    /// The receiver's final answer was no.
    case refused(reason: String)
    /// Let go without a final answer.
    case givenUp(reason: String)
}

/// Why samples are let go by this module itself; receivers' reasons are `RefusalReason`'s.
enum DropReason {
    static let tooOld = "too_old"
    static let malformed = "malformed_frame"
    /// `write_relabel_configs` drop the series, or leave it without a name.
    static let writeRelabel = "write_relabel"
    /// `send_native_histograms` is off.
    static let histogramsOff = "native_histograms_off"
    /// A histogram of custom buckets, which remote write 1.0 has no place for.
    static let customBuckets = "custom_buckets"
    /// `send_exemplars` is off: of exemplars, which are no samples.
    static let exemplarsOff = "exemplars_off"
}

/// A request cut, encoded and compressed: kept as it is through every try.
struct PreparedRequest: Sendable {
    /// The snappy block.
    let body: [UInt8]
    let uncompressedBytes: Int
    /// SHA-256 of `body` in hexadecimal when requests are signed, else empty.
    let payloadHash: String
    /// Where the lane stands once this is answered.
    let end: LanePosition
    let counts: JobCounts
    /// Histograms among them.
    let sampleCount: Int
    let histogramCount: Int
    let exemplarCount: Int
    /// Exemplars of its samples that are not sent.
    let exemplarsOff: Int
    let oldestMs: Int64
    let newestMs: Int64
    /// What it was made of, for halving.
    let slices: [FrameSlice]
    /// Samples in its range that it leaves out.
    let omissions: [LaneOmission]
    /// It was in flight when the agent ended: the receiver may have it already.
    let isResend: Bool
    /// It holds nothing but series that were left out and are tried again.
    let triesAgain: Bool

    /// The samples of its range that were not left out, frame by frame; those dropped for another reason are
    /// among them.
    var parts: [(frame: Frame, samples: Range<Int>)] {
        var parts: [(frame: Frame, samples: Range<Int>)] = []
        for slice in slices {
            var from = slice.from
            for run in slice.runs(of: omissions) {
                if from < run.samples.lowerBound {
                    parts.append((slice.frame, from..<run.samples.lowerBound))
                }
                from = max(from, run.samples.upperBound)
            }
            if from < slice.to { parts.append((slice.frame, from..<slice.to)) }
        }
        return parts
    }
}

/// Samples at the lane's head that are not sent.
struct DroppedBatch: Sendable {
    let end: LanePosition
    let counts: JobCounts
    var omissions: [LaneOmission] = []
}
