/// What one destination's cursor holds: all of it durable.
struct CursorState: Sendable, Equatable {
    struct Job: Sendable, Equatable {
        /// The job's totals at the point this destination's books begin; below zero after what was delivered
        /// was lost from the disk.
        var baseAppended: Int64 = 0
        var baseFailed: Int64 = 0
        /// What became of the samples answered for since.
        var outcome = JobOutcome()
    }

    var name: String
    /// The low-water mark: everything before it is answered for.
    private(set) var mark: BufferPosition
    /// What is answered for beyond the mark.
    private(set) var answered = AnsweredRanges()
    /// What version 2 of the format has left: of the frames behind the mark, those of a target are answered
    /// for before the place with the index id mod count. Empty once the mark has passed them all.
    private(set) var lanes: [BufferPosition] = []
    /// Requests that have left, or are about to, and have no answer, by their number.
    private(set) var sent: [UInt64: SentRequest] = [:]
    var jobs: [String: Job] = [:]
    /// What is known of the receiver; nil where nobody has told.
    private(set) var receiver: ReceiverNote?

    /// A cursor that stands here.
    init(name: String, mark: BufferPosition) {
        self.name = name
        self.mark = mark
    }

    /// As a file says it; nil where no writer writes such.
    init?(
        name: String, mark: BufferPosition, answered: AnsweredRanges, lanes: [BufferPosition],
        sent: [UInt64: SentRequest], jobs: [String: Job], receiver: ReceiverNote? = nil
    ) {
        guard answered.ranges.first.map({ $0.lowerBound > mark }) ?? true,
            sent.values.allSatisfy({ $0.lane.map { Int($0) < lanes.count } ?? true })
        else { return nil }
        self.name = name
        self.mark = mark
        self.answered = answered
        self.lanes = lanes
        self.sent = sent
        self.jobs = jobs
        self.receiver = receiver
    }

    /// The highest segment that it names.
    var newestSegment: UInt64 {
        let ends = sent.values.compactMap(\.end) + lanes + answered.ranges.map(\.upperBound)
        return ends.reduce(mark.segment) { max($0, $1.segment) }
    }

    /// Puts the mark elsewhere, as its place is gone. What was in flight before it is no more.
    mutating func place(markAt position: BufferPosition) {
        mark = answered.pass(max(mark, position))
        sent = sent.filter { request in request.value.end.map { $0 > mark } ?? false }
        forgetLanes()
    }

    /// Ends what is answered for where the log ends (`AnsweredRanges.cut`).
    mutating func cutAnswered(_ end: (BufferPosition) -> BufferPosition) { answered.cut(end) }

    /// Lanes that the mark has passed say nothing any more, unless a request is one of theirs.
    private mutating func forgetLanes() {
        guard let last = lanes.max(), last <= mark, sent.values.allSatisfy({ $0.lane == nil }) else { return }
        lanes = []
    }

    /// Nothing is in flight any more: the receiver is another one.
    mutating func forgetSent() { sent = [:] }

    /// Applies a change; false when it names a lane there is not.
    mutating func apply(_ change: CursorChange) -> Bool {
        switch change {
        case .sent(let requests, let replaced):
            guard requests.values.allSatisfy({ $0.lane.map { Int($0) < lanes.count } ?? true }) else {
                return false
            }
            for number in replaced { sent[number] = nil }
            sent.merge(requests) { $1 }
        case .answered(let position, let requests, let ranges, let outcome):
            answered.insert(ranges)
            mark = answered.pass(max(mark, position))
            for number in requests { sent[number] = nil }
            forgetLanes()
            for entry in outcome.entries { jobs[entry.job, default: Job()].outcome.add(entry.outcome) }
        case .receiver(let note): receiver = note
        }
        return true
    }
}

/// One change of a cursor.
enum CursorChange: Sendable, Equatable {
    /// Requests are about to leave, by their numbers. Of those with the other numbers nothing is in flight
    /// any more: they were cut in parts, which are among the first, or the receiver is another one.
    case sent([UInt64: SentRequest], replacing: [UInt64] = [])
    /// Everything up to a place is answered for, and these ranges beyond the mark; the requests with these
    /// numbers are over.
    case answered(
        upTo: BufferPosition, requests: [UInt64] = [], ranges: [Range<BufferPosition>] = [],
        outcome: Outcomes = Outcomes())
    /// The receiver has shown what it understands.
    case receiver(ReceiverNote)
}
