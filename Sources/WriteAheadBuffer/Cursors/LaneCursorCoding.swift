/// The payloads of a cursor log's records as versions 1 and 2 of the format have them: lanes, each with a
/// place and the end of its request in flight. Read only: a cursor is written anew when it is opened.
enum LaneCursorCoding {
    /// nil when it is none.
    static func state(_ payload: Span<UInt8>) -> CursorState? {
        var offset = 0
        guard let name = Wire.string(payload, &offset),
            let laneCount = Wire.count(payload, &offset, itemBytes: 11), laneCount > 0
        else { return nil }
        var lanes: [BufferPosition] = []
        var sent: [UInt64: SentRequest] = [:]
        for lane in 0..<laneCount {
            guard let answered = position(payload, &offset), let flag = Wire.byte(payload, &offset), flag <= 2
            else { return nil }
            lanes.append(answered)
            guard flag > 0 else { continue }
            guard let end = position(payload, &offset) else { return nil }
            var omitted: [BufferOmission] = []
            if flag == 2 {
                guard let read = omissions(payload, &offset) else { return nil }
                omitted = read
            }
            sent[UInt64(lane)] = SentRequest(lane: lane, upTo: end, from: answered, omissions: omitted)
        }
        guard let jobs = CursorCoding.jobs(payload, &offset), offset == payload.count else { return nil }
        return CursorState(
            name: name, mark: lanes.min() ?? .start(of: 0), answered: AnsweredRanges(), lanes: lanes,
            sent: sent, jobs: jobs)
    }

    /// A change of `state`; nil when it is none.
    static func change(_ payload: Span<UInt8>, of state: CursorState) -> CursorChange? {
        var offset = 0
        guard let kind = Wire.byte(payload, &offset), let lane = Wire.varint32(payload, &offset),
            let end = position(payload, &offset), state.lanes.indices.contains(Int(lane))
        else { return nil }
        let answered = state.lanes[Int(lane)]
        switch kind {
        case 1, 3:
            var omitted: [BufferOmission] = []
            if kind == 3 {
                guard let read = omissions(payload, &offset) else { return nil }
                omitted = read
            }
            guard offset == payload.count else { return nil }
            // One that reaches no further than the answers forgets the request that was in flight.
            guard end > answered else { return .sent([:], replacing: [UInt64(lane)]) }
            return .sent([
                UInt64(lane): SentRequest(lane: Int(lane), upTo: end, from: answered, omissions: omitted)
            ])
        case 2:
            guard let outcome = CursorCoding.outcomes(payload, &offset), offset == payload.count else {
                return nil
            }
            let place = max(answered, end)
            let isOver = state.sent(ofLane: Int(lane))?.end.map { $0 <= place } ?? false
            return .answered(
                .lane(Int(lane), place), requests: isOver ? [UInt64(lane)] : [], outcome: outcome)
        default: return nil
        }
    }

    private static func omissions(_ payload: Span<UInt8>, _ offset: inout Int) -> [BufferOmission]? {
        guard let count = Wire.count(payload, &offset, itemBytes: 12) else { return nil }
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
