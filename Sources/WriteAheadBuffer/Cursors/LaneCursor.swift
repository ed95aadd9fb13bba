/// A cursor as versions 1 and 2 of the format have it: lanes, each with a place and the end of its request in
/// flight. Read only: a cursor is written anew when it is opened.
struct LaneCursor {
    private struct Lane {
        /// The frames of its targets are answered for before it.
        var answered: BufferPosition
        var inFlight: (end: BufferPosition, omissions: [BufferOmission])?
    }

    private let name: String
    private var lanes: [Lane] = []
    private var jobs: [String: CursorState.Job]
    /// Of all requests in flight.
    private var omissionCount = 0
    private let mostSegment: UInt64

    /// Reads a snapshot; nil when it is none. What names a segment above `mostSegment` is damage
    /// (`CursorReplay`).
    init?(_ payload: Span<UInt8>, mostSegment: UInt64 = BufferPosition.maxSegment) {
        var offset = 0
        guard let name = Wire.string(payload, &offset),
            let laneCount = Wire.count(payload, &offset, itemBytes: 11), laneCount > 0,
            laneCount <= CursorState.mostLanes
        else { return nil }
        self.name = name
        self.mostSegment = mostSegment
        for _ in 0..<laneCount {
            guard let answered = Self.position(payload, &offset), answered.segment <= mostSegment,
                let flag = Wire.byte(payload, &offset), flag <= 2
            else { return nil }
            var lane = Lane(answered: answered)
            if flag > 0 {
                guard let end = Self.position(payload, &offset), end.segment <= mostSegment,
                    let omissions = flag == 2 ? Self.omissions(payload, &offset) : []
                else { return nil }
                lane.inFlight = (end, omissions)
                omissionCount += omissions.count
                guard omissionCount <= AnsweredRanges.mostInFile else { return nil }
            }
            lanes.append(lane)
        }
        guard let jobs = CursorCoding.jobs(payload, &offset), offset == payload.count else { return nil }
        self.jobs = jobs
    }

    /// Reads a change and takes it for true; false, and nothing changed, when it is none.
    mutating func apply(_ payload: Span<UInt8>) -> Bool {
        var offset = 0
        guard let kind = Wire.byte(payload, &offset), let number = Wire.varint32(payload, &offset),
            let end = Self.position(payload, &offset), end.segment <= mostSegment,
            lanes.indices.contains(Int(number))
        else { return false }
        var lane = lanes[Int(number)]
        let omissionsBefore = lane.inFlight?.omissions.count ?? 0
        switch kind {
        case 1, 3:
            guard let omissions = kind == 3 ? Self.omissions(payload, &offset) : [] else { return false }
            // One that reaches no further than the answers forgets the request that was in flight.
            lane.inFlight = end > lane.answered ? (end, omissions) : nil
            guard offset == payload.count else { return false }
        case 2:
            guard let outcome = CursorCoding.outcomes(payload, &offset), offset == payload.count else {
                return false
            }
            lane.answered = max(lane.answered, end)
            if let inFlight = lane.inFlight, inFlight.end <= lane.answered { lane.inFlight = nil }
            for entry in outcome.entries {
                jobs[entry.job, default: CursorState.Job()].outcome.add(entry.outcome)
            }
        default: return false
        }
        let count = omissionCount - omissionsBefore + (lane.inFlight?.omissions.count ?? 0)
        guard count <= AnsweredRanges.mostInFile else { return false }
        omissionCount = count
        lanes[Int(number)] = lane
        return true
    }

    /// Whether it may stand behind `earlier` in a file: it is of the same destination, and its mark is not
    /// lower.
    func mayFollow(_ earlier: LaneCursor) -> Bool { name == earlier.name && mark >= earlier.mark }

    private var mark: BufferPosition { lanes.map(\.answered).min() ?? .start(of: 0) }

    /// What it says, to be carried on: between the lowest and the highest place the lanes are the rule. nil
    /// where no writer writes such.
    var state: CursorState? {
        var sent: [UInt64: SentRequest] = [:]
        for (number, lane) in lanes.enumerated() {
            guard let (end, omissions) = lane.inFlight else { continue }
            sent[UInt64(number)] = SentRequest(
                lane: number, upTo: end, from: lane.answered, omissions: omissions)
        }
        return CursorState(
            name: name, mark: mark, answered: AnsweredRanges(), lanes: lanes.map(\.answered), sent: sent,
            jobs: jobs)
    }

    private static func omissions(_ payload: Span<UInt8>, _ offset: inout Int) -> [BufferOmission]? {
        guard let count = Wire.count(payload, &offset, itemBytes: 12), count <= AnsweredRanges.mostInFile
        else { return nil }
        var omissions: [BufferOmission] = []
        for _ in 0..<count {
            guard let start = position(payload, &offset), let count = Wire.varint32(payload, &offset),
                let reason = Wire.string(payload, &offset)
            else { return nil }
            omissions.append(BufferOmission(start: start, count: count, reason: reason))
        }
        return omissions
    }

    private static func position(_ payload: Span<UInt8>, _ offset: inout Int) -> BufferPosition? {
        guard let segment = Wire.fixed64(payload, &offset), segment <= BufferPosition.maxSegment,
            let place = Wire.varint(payload, &offset), let sample = Wire.varint32(payload, &offset)
        else { return nil }
        return BufferPosition(segment: segment, offset: place, sample: sample)
    }
}
