/// The payloads of a cursor log's records.
enum CursorCoding {
    static func put(_ state: CursorState, into buffer: inout RecordBuffer) {
        buffer.putString(state.name)
        buffer.putVarint(UInt64(state.lanes.count))
        for lane in state.lanes {
            put(lane.answered, into: &buffer)
            guard let end = lane.inFlightEnd else {
                buffer.putByte(0)
                continue
            }
            buffer.putByte(lane.omissions.isEmpty ? 1 : 2)
            put(end, into: &buffer)
            if !lane.omissions.isEmpty { put(lane.omissions, into: &buffer) }
        }
        buffer.putVarint(UInt64(state.jobs.count))
        for (name, job) in state.jobs.sorted(by: { $0.key < $1.key }) {
            buffer.putString(name)
            buffer.putSigned(job.baseAppended)
            buffer.putSigned(job.baseFailed)
            put(job.outcome, into: &buffer)
        }
    }

    static func state(_ payload: Span<UInt8>) -> CursorState? {
        var offset = 0
        guard let name = Wire.string(payload, &offset),
            let laneCount = Wire.count(payload, &offset, itemBytes: 11)
        else { return nil }
        var state = CursorState(name: name, lanes: [])
        for _ in 0..<laneCount {
            guard let answered = position(payload, &offset), let flag = Wire.byte(payload, &offset), flag <= 2
            else { return nil }
            var lane = CursorState.Lane(answered: answered)
            if flag > 0 {
                guard let end = position(payload, &offset) else { return nil }
                lane.inFlightEnd = end
            }
            if flag == 2 {
                guard let omissions = omissions(payload, &offset) else { return nil }
                lane.omissions = omissions
            }
            state.lanes.append(lane)
        }
        guard let jobCount = Wire.count(payload, &offset, itemBytes: 5) else { return nil }
        for _ in 0..<jobCount {
            guard let name = Wire.string(payload, &offset),
                let appended = Wire.signedSamples(payload, &offset),
                let failed = Wire.signedSamples(payload, &offset),
                let outcome = outcome(payload, &offset)
            else { return nil }
            state.jobs[name] = CursorState.Job(baseAppended: appended, baseFailed: failed, outcome: outcome)
        }
        return offset == payload.count && !state.lanes.isEmpty ? state : nil
    }

    static func put(_ change: CursorChange, into buffer: inout RecordBuffer) {
        switch change {
        case .sent(let lane, let end, let omissions):
            buffer.putByte(omissions.isEmpty ? 1 : 3)
            buffer.putVarint(UInt64(lane))
            put(end, into: &buffer)
            if !omissions.isEmpty { put(omissions, into: &buffer) }
        case .answered(let lane, let end, let outcome):
            buffer.putByte(2)
            buffer.putVarint(UInt64(lane))
            put(end, into: &buffer)
            buffer.putVarint(UInt64(outcome.entries.count))
            for entry in outcome.entries {
                buffer.putString(entry.job)
                put(entry.outcome, into: &buffer)
            }
        }
    }

    static func change(_ payload: Span<UInt8>) -> CursorChange? {
        var offset = 0
        guard let kind = Wire.byte(payload, &offset), let lane = Wire.varint32(payload, &offset),
            let end = position(payload, &offset)
        else { return nil }
        if kind == 1 { return offset == payload.count ? .sent(lane: Int(lane), end: end) : nil }
        if kind == 3 {
            guard let omissions = omissions(payload, &offset), offset == payload.count else { return nil }
            return .sent(lane: Int(lane), end: end, omissions: omissions)
        }
        guard kind == 2, let count = Wire.count(payload, &offset, itemBytes: 3) else { return nil }
        var outcomes = Outcomes()
        for _ in 0..<count {
            guard let job = Wire.string(payload, &offset), let outcome = outcome(payload, &offset)
            else { return nil }
            outcomes.add(outcome, of: job)
        }
        return offset == payload.count ? .answered(lane: Int(lane), end: end, outcome: outcomes) : nil
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

    private static func put(_ omissions: [BufferOmission], into buffer: inout RecordBuffer) {
        buffer.putVarint(UInt64(omissions.count))
        for omission in omissions {
            put(omission.start, into: &buffer)
            buffer.putVarint(UInt64(omission.count))
            buffer.putString(omission.reason)
        }
    }

    private static func omissions(_ payload: Span<UInt8>, _ offset: inout Int) -> [BufferOmission]? {
        guard let count = Wire.count(payload, &offset, itemBytes: 12) else { return nil }
        var result: [BufferOmission] = []
        for _ in 0..<count {
            guard let start = position(payload, &offset), let count = Wire.varint32(payload, &offset),
                let reason = Wire.string(payload, &offset)
            else { return nil }
            result.append(BufferOmission(start: start, count: count, reason: reason))
        }
        return result
    }

    private static func put(_ position: BufferPosition, into buffer: inout RecordBuffer) {
        buffer.putFixed64(position.segment)
        buffer.putVarint(position.offset)
        buffer.putVarint(UInt64(position.sample))
    }

    private static func position(_ payload: Span<UInt8>, _ offset: inout Int) -> BufferPosition? {
        guard let segment = Wire.fixed64(payload, &offset), let place = Wire.varint(payload, &offset),
            let sample = Wire.varint32(payload, &offset), segment <= BufferPosition.maxSegment
        else { return nil }
        return BufferPosition(segment: segment, offset: place, sample: sample)
    }
}
