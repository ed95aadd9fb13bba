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
    /// A file that names more lanes is damaged. Version 2 wrote one lane, two, or as many as `min_shards`,
    /// which is 10,000 at most.
    static let mostLanes = 1 << 14
    /// Requests that have left, or are about to, and have no answer, by their number.
    private(set) var sent: [UInt64: SentRequest] = [:]
    /// Of all of them together.
    private var inFlight = InFlightSize()
    var jobs: [String: Job] = [:]
    /// What is known of the receiver; nil where nobody has told.
    private(set) var receiver: ReceiverNote?
    /// The name that is about to go on with this cursor. No snapshot has it: where the renaming fails the
    /// log is made anew, and says nothing of it any more.
    private(set) var successor: String?

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
        var inFlight = InFlightSize()
        for request in sent.values { inFlight.add(request) }
        guard answered.ranges.first.map({ $0.lowerBound > mark }) ?? true, lanes.count <= Self.mostLanes,
            sent.values.allSatisfy({ $0.lane.map { Int($0) < lanes.count } ?? true }), !inFlight.isTooMuch
        else { return nil }
        self.name = name
        self.mark = mark
        self.answered = answered
        self.lanes = lanes
        self.sent = sent
        self.inFlight = inFlight
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
        for (number, request) in sent where request.end.map({ $0 <= mark }) ?? true { forget(number) }
        forgetLanes()
    }

    private mutating func forget(_ number: UInt64) {
        if let request = sent.removeValue(forKey: number) { inFlight.remove(request) }
    }

    /// Ends what is answered for where the log ends (`AnsweredRanges.cut`).
    mutating func cutAnswered(_ end: (BufferPosition) -> BufferPosition) { answered.cut(end) }

    /// Lanes that the mark has passed say nothing any more, unless a request is one of theirs.
    private mutating func forgetLanes() {
        guard let last = lanes.max(), last <= mark, sent.values.allSatisfy({ $0.lane == nil }) else { return }
        lanes = []
    }

    /// Gives the destination another name. A new name means that its URL has changed, so the requests in
    /// flight are forgotten: they went to the former receiver.
    mutating func rename(to name: String) {
        self.name = name
        (sent, inFlight, successor) = ([:], InFlightSize(), nil)
    }

    /// It goes on under its own name.
    mutating func forgetSuccessor() { successor = nil }

    /// Whether a cursor remembers so much (`InFlightSize`), once these requests are in flight and none with
    /// the numbers `replaced`.
    func hasRoom(for requests: [UInt64: SentRequest], replacing replaced: [UInt64]) -> Bool {
        var size = inFlight
        for number in Set(replaced).union(requests.keys) {
            if let request = sent[number] { size.remove(request) }
        }
        for request in requests.values { size.add(request) }
        return !size.isTooMuch
    }

    /// Applies a change; false, and nothing changed, when it names a lane there is not, or more is in flight
    /// with it than a cursor remembers.
    mutating func apply(_ change: CursorChange) -> Bool {
        switch change {
        case .sent(let requests, let replaced):
            guard requests.values.allSatisfy({ $0.lane.map { Int($0) < lanes.count } ?? true }),
                hasRoom(for: requests, replacing: replaced)
            else { return false }
            for number in replaced { forget(number) }
            for (number, request) in requests {
                forget(number)
                sent[number] = request
                inFlight.add(request)
            }
        case .answered(let position, let requests, let ranges, let outcome):
            answered.insert(ranges)
            mark = answered.pass(max(mark, position))
            for number in requests { forget(number) }
            forgetLanes()
            for entry in outcome.entries { jobs[entry.job, default: Job()].outcome.add(entry.outcome) }
        case .receiver(let note): receiver = note
        case .renamed(let name): successor = name
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
    /// Requests leave for this receiver from now on, or it has shown what it understands.
    case receiver(ReceiverNote)
    /// The destination of this name is about to go on with the cursor, in a file of its own.
    case renamed(to: String)

    /// The highest segment that it names; 0 when it names none.
    var newestSegment: UInt64 {
        switch self {
        case .sent(let requests, _): requests.values.reduce(0) { max($0, $1.end?.segment ?? 0) }
        case .answered(let position, _, let ranges, _):
            ranges.reduce(position.segment) { max($0, $1.upperBound.segment) }
        case .receiver, .renamed: 0
        }
    }
}
