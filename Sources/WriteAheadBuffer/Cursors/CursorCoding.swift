/// The payloads of a cursor log's records, as version 3 of the format has them.
enum CursorCoding {
    private static let sent: UInt8 = 1
    private static let answered: UInt8 = 2
    private static let receiver: UInt8 = 3
    private static let renamed: UInt8 = 4

    static func put(_ state: CursorState, into buffer: inout RecordBuffer) {
        buffer.putString(state.name)
        put(state.mark, into: &buffer)
        put(state.answered.ranges, into: &buffer)
        buffer.putVarint(UInt64(state.lanes.count))
        for lane in state.lanes { put(lane, into: &buffer) }
        put(state.sent, into: &buffer)
        buffer.putVarint(UInt64(state.jobs.count))
        for (name, job) in state.jobs.sorted(by: { $0.key < $1.key }) {
            buffer.putString(name)
            buffer.putSigned(job.baseAppended)
            buffer.putSigned(job.baseFailed)
            put(job.outcome, into: &buffer)
        }
        if let note = state.receiver { put(note, into: &buffer) }
    }

    /// nil when it is none.
    static func state(_ payload: Span<UInt8>) -> CursorState? {
        var offset = 0
        guard let name = Wire.string(payload, &offset), let mark = position(payload, &offset),
            let answered = ranges(payload, &offset).flatMap({ AnsweredRanges($0) }),
            let laneCount = Wire.count(payload, &offset, itemBytes: 3), laneCount <= CursorState.mostLanes
        else { return nil }
        var lanes: [BufferPosition] = []
        for _ in 0..<laneCount {
            guard let lane = position(payload, &offset) else { return nil }
            lanes.append(lane)
        }
        guard let sent = requests(payload, &offset), let jobs = jobs(payload, &offset) else { return nil }
        var receiver: ReceiverNote?
        if offset < payload.count {
            guard let note = note(payload, &offset), offset == payload.count else { return nil }
            receiver = note
        }
        return CursorState(
            name: name, mark: mark, answered: answered, lanes: lanes, sent: sent, jobs: jobs,
            receiver: receiver)
    }

    static func put(_ change: CursorChange, into buffer: inout RecordBuffer) {
        switch change {
        case .sent(let requests, let replaced):
            buffer.putByte(sent)
            put(replaced, into: &buffer)
            put(requests, into: &buffer)
        case .answered(let position, let requests, let ranges, let outcome):
            buffer.putByte(answered)
            put(position, into: &buffer)
            put(requests, into: &buffer)
            put(ranges, into: &buffer)
            put(outcome, into: &buffer)
        case .receiver(let note):
            buffer.putByte(receiver)
            put(note, into: &buffer)
        case .renamed(let name):
            buffer.putByte(renamed)
            buffer.putString(name)
        }
    }

    /// nil when it is none.
    static func change(_ payload: Span<UInt8>) -> CursorChange? {
        var offset = 0
        switch Wire.byte(payload, &offset) {
        case sent?:
            guard let replaced = numbers(payload, &offset), let requests = requests(payload, &offset),
                offset == payload.count
            else { return nil }
            return .sent(requests, replacing: replaced)
        case answered?:
            guard let place = position(payload, &offset), let requests = numbers(payload, &offset),
                let ranges = ranges(payload, &offset), let outcome = outcomes(payload, &offset),
                offset == payload.count
            else { return nil }
            return .answered(upTo: place, requests: requests, ranges: ranges, outcome: outcome)
        case receiver?:
            guard let note = note(payload, &offset), offset == payload.count else { return nil }
            return .receiver(note)
        case renamed?:
            guard let name = Wire.string(payload, &offset), offset == payload.count else { return nil }
            return .renamed(to: name)
        default: return nil
        }
    }

    // MARK: parts that version 2 has, too

    static func put(_ outcomes: Outcomes, into buffer: inout RecordBuffer) {
        buffer.putVarint(UInt64(outcomes.entries.count))
        for entry in outcomes.entries {
            buffer.putString(entry.job)
            put(entry.outcome, into: &buffer)
        }
    }

    static func outcomes(_ payload: Span<UInt8>, _ offset: inout Int) -> Outcomes? {
        guard let count = Wire.count(payload, &offset, itemBytes: 3) else { return nil }
        var outcomes = Outcomes()
        for _ in 0..<count {
            guard let job = Wire.string(payload, &offset), let outcome = outcome(payload, &offset) else {
                return nil
            }
            outcomes.add(outcome, of: job)
        }
        return outcomes
    }

    static func jobs(_ payload: Span<UInt8>, _ offset: inout Int) -> [String: CursorState.Job]? {
        guard let count = Wire.count(payload, &offset, itemBytes: 5) else { return nil }
        var jobs: [String: CursorState.Job] = [:]
        for _ in 0..<count {
            guard let name = Wire.string(payload, &offset),
                let appended = Wire.signedSamples(payload, &offset),
                let failed = Wire.signedSamples(payload, &offset),
                let outcome = outcome(payload, &offset)
            else { return nil }
            jobs[name] = CursorState.Job(baseAppended: appended, baseFailed: failed, outcome: outcome)
        }
        return jobs
    }

    private static func put(_ outcome: JobOutcome, into buffer: inout RecordBuffer) {
        buffer.putVarint(outcome.delivered)
        buffer.putVarint(UInt64(outcome.dropped.count))
        for (reason, count) in outcome.dropped.sorted(by: { $0.key < $1.key }) {
            buffer.putString(reason)
            buffer.putVarint(count)
        }
    }

    private static func outcome(_ payload: Span<UInt8>, _ offset: inout Int) -> JobOutcome? {
        guard let delivered = Wire.samples(payload, &offset),
            let count = Wire.count(payload, &offset, itemBytes: 2)
        else { return nil }
        var outcome = JobOutcome(delivered: delivered)
        for _ in 0..<count {
            guard let reason = Wire.string(payload, &offset), let count = Wire.samples(payload, &offset)
            else { return nil }
            outcome.drop(count, reason)
        }
        return outcome
    }

    // MARK: parts of version 3

    private static func put(_ note: ReceiverNote, into buffer: inout RecordBuffer) {
        buffer.putFixed64(note.receiver)
        buffer.putByte(note.protocolVersion)
        buffer.putFixed64(UInt64(bitPattern: note.foundMs))
    }

    private static func note(_ payload: Span<UInt8>, _ offset: inout Int) -> ReceiverNote? {
        guard let receiver = Wire.fixed64(payload, &offset), let version = Wire.byte(payload, &offset),
            let foundMs = Wire.fixed64(payload, &offset)
        else { return nil }
        return ReceiverNote(
            receiver: receiver, protocolVersion: version, foundMs: Int64(bitPattern: foundMs))
    }

    private static func put(_ requests: [UInt64: SentRequest], into buffer: inout RecordBuffer) {
        buffer.putVarint(UInt64(requests.count))
        for (number, request) in requests.sorted(by: { $0.key < $1.key }) {
            buffer.putVarint(number)
            buffer.putByte(request.protocolVersion)
            buffer.putFixed64(request.options)
            buffer.putVarint(request.lane.map { UInt64($0) + 1 } ?? 0)
            put(request.spans, into: &buffer)
            put(request.omissions, into: &buffer)
        }
    }

    private static func requests(_ payload: Span<UInt8>, _ offset: inout Int) -> [UInt64: SentRequest]? {
        guard let count = Wire.count(payload, &offset, itemBytes: 13), count <= InFlightSize.mostRequests
        else { return nil }
        var requests: [UInt64: SentRequest] = [:]
        // Of all requests together.
        var (spanCount, omissionCount) = (0, 0)
        for _ in 0..<count {
            guard let number = Wire.varint(payload, &offset), let version = Wire.byte(payload, &offset),
                let options = Wire.fixed64(payload, &offset), let lane = Wire.varint32(payload, &offset),
                let spans = ranges(payload, &offset), SentRequest.areInOrder(spans),
                let omissions = omissions(payload, &offset)
            else { return nil }
            spanCount += spans.count
            omissionCount += omissions.count
            guard spanCount <= AnsweredRanges.mostInFile, omissionCount <= AnsweredRanges.mostInFile else {
                return nil
            }
            var request = SentRequest(
                spans: spans, omissions: omissions, protocolVersion: version, options: options)
            request.lane = lane > 0 ? lane - 1 : nil
            requests[number] = request
        }
        return requests
    }

    private static func put(_ numbers: [UInt64], into buffer: inout RecordBuffer) {
        buffer.putVarint(UInt64(numbers.count))
        for number in numbers { buffer.putVarint(number) }
    }

    private static func numbers(_ payload: Span<UInt8>, _ offset: inout Int) -> [UInt64]? {
        guard let count = Wire.count(payload, &offset, itemBytes: 1), count <= AnsweredRanges.mostInFile
        else { return nil }
        var numbers: [UInt64] = []
        for _ in 0..<count {
            guard let number = Wire.varint(payload, &offset) else { return nil }
            numbers.append(number)
        }
        return numbers
    }

    private static func put(_ ranges: [Range<BufferPosition>], into buffer: inout RecordBuffer) {
        buffer.putVarint(UInt64(ranges.count))
        for range in ranges {
            put(range.lowerBound, into: &buffer)
            put(range.upperBound, into: &buffer)
        }
    }

    private static func ranges(_ payload: Span<UInt8>, _ offset: inout Int) -> [Range<BufferPosition>]? {
        // Looked at before any room is made: in memory a range takes eight times its bytes.
        guard let count = Wire.count(payload, &offset, itemBytes: 6), count <= AnsweredRanges.mostInFile
        else { return nil }
        var ranges: [Range<BufferPosition>] = []
        for _ in 0..<count {
            guard let from = position(payload, &offset), let to = position(payload, &offset), from <= to
            else { return nil }
            ranges.append(from..<to)
        }
        return ranges
    }

    private static func put(_ omissions: [BufferOmission], into buffer: inout RecordBuffer) {
        buffer.putVarint(UInt64(omissions.count))
        for omission in omissions {
            put(omission.start, into: &buffer)
            buffer.putVarint(UInt64(omission.count))
            buffer.putString(omission.reason)
        }
    }

    private static func omissions(_ payload: Span<UInt8>, _ offset: inout Int) -> [BufferOmission]? {
        guard let count = Wire.count(payload, &offset, itemBytes: 5), count <= AnsweredRanges.mostInFile
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

    private static func put(_ position: BufferPosition, into buffer: inout RecordBuffer) {
        buffer.putVarint(position.segment)
        buffer.putVarint(position.offset)
        buffer.putVarint(UInt64(position.sample))
    }

    private static func position(_ payload: Span<UInt8>, _ offset: inout Int) -> BufferPosition? {
        guard let segment = Wire.varint(payload, &offset), segment <= BufferPosition.maxSegment,
            let place = Wire.varint(payload, &offset), let sample = Wire.varint32(payload, &offset)
        else { return nil }
        return BufferPosition(segment: segment, offset: place, sample: sample)
    }
}
