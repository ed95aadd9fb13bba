import Platform

@testable import WriteAheadBuffer

/// Cursors' logs without a disk: records with good checksums and any content, of this version and of those
/// with lanes. What can be read is a state that a writer may have, and can be written and read again.
enum CursorCheck {
    private static let salt: UInt32 = 0x5A17_5A17
    private static let mostSegment: UInt64 = 1_000

    /// The lowest bits of the first byte say what the rest is.
    static func run(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        switch first & 7 {
        case 0: state(rest)
        case 1: change(rest)
        case 2: ranges(rest)
        case 3: log(rest, isOfLanes: true, isBounded: first & 8 != 0)
        default: log(rest, isOfLanes: false, isBounded: first & 8 != 0)
        }
    }

    /// Writes what a real cursor's log holds as inputs: whole, and record by record.
    static func writeSeeds(to path: String) {
        do {
            var number = 0
            for file in try BufferCheck.written() where BufferFileName.isCursor(file.name) {
                var whole: [UInt8] = [4]
                for (header, payload) in BufferCheck.records(file.content) {
                    let isSnapshot = header.type == .snapshot
                    try BufferCheck.write(
                        seed: [isSnapshot ? 0 : 1] + payload, to: "\(path)/written-\(number)")
                    number += 1
                    let size = payload.count
                    whole += [isSnapshot ? 0 : 1, UInt8(truncatingIfNeeded: size)]
                    whole += [UInt8(truncatingIfNeeded: size >> 8)] + payload
                }
                try BufferCheck.write(seed: whole, to: "\(path)/written-whole")
            }
        } catch {
            preconditionFailure("the seeds of cursors cannot be written: \(error)")
        }
    }

    // MARK: parts

    private static func state(_ bytes: [UInt8]) {
        guard let read = CursorCoding.state(bytes.span) else { return }
        check(read)
        var buffer = RecordBuffer()
        CursorCoding.put(read, into: &buffer)
        let again = CursorCoding.state(buffer.bytes.span)
        precondition(isBig(read.jobs) || again == read, "a state that is written again is the same")
    }

    private static func change(_ bytes: [UInt8]) {
        guard let read = CursorCoding.change(bytes.span) else { return }
        var buffer = RecordBuffer()
        CursorCoding.put(read, into: &buffer)
        let again = CursorCoding.change(buffer.bytes.span)
        precondition(isBig(read) || again == read, "a change that is written again is the same")
    }

    /// Ranges that are added one by one and together, against a list of places: three bytes for each range.
    private static func ranges(_ bytes: [UInt8]) {
        func place(_ byte: UInt8) -> BufferPosition { BufferPosition(segment: 1, offset: UInt64(byte)) }
        var (single, together) = (AnsweredRanges(), AnsweredRanges())
        var added: [Range<BufferPosition>] = []
        var isAnswered = [Bool](repeating: false, count: 256)
        var rest = bytes[...]
        while rest.count >= 2, added.count < 200 {
            let pair = Array(rest.prefix(2)).sorted()
            rest = rest.dropFirst(2)
            let range = place(pair[0])..<place(pair[1])
            added.append(range)
            single.insert(range)
            for index in Int(pair[0])..<Int(pair[1]) { isAnswered[index] = true }
        }
        together.insert(added)
        precondition(single == together, "ranges are the same one by one and together")
        precondition(AnsweredRanges(single.ranges) == single, "ranges ascend and do not touch")
        var open = 0
        for gap in single.gaps(in: place(0)..<place(255)) {
            for offset in gap.lowerBound.offset..<gap.upperBound.offset {
                precondition(!isAnswered[Int(offset)], "a gap is not answered for")
                open += 1
            }
        }
        precondition(open == isAnswered.dropLast().count { !$0 }, "what is not answered for is a gap")
        guard let last = bytes.last else { return }
        let mark = single.pass(place(last))
        let wanted = isAnswered[Int(last)...].firstIndex(of: false) ?? 255
        precondition(mark.offset == UInt64(wanted), "a mark stands behind the range that it reaches")
        precondition(single.ranges.allSatisfy { $0.lowerBound > mark }, "what is passed is forgotten")
    }

    // MARK: logs

    /// Steps: a byte of kind, two of length, the payload.
    private static func log(_ bytes: [UInt8], isOfLanes: Bool, isBounded: Bool) {
        var file = start()
        var rest = bytes[...]
        while rest.count >= 3 {
            let head = Array(rest.prefix(3))
            let payload = rest.dropFirst(3).prefix(Int(head[1]) | Int(head[2]) << 8)
            rest = rest.dropFirst(3 + payload.count)
            let start = file.begin(head[0] & 1 == 0 ? .snapshot : .progress)
            for byte in payload { file.putByte(byte) }
            file.end(start, salt: salt)
        }
        let most = isBounded ? mostSegment : BufferPosition.maxSegment
        let content = isOfLanes ? BufferCheck.ofVersion2(file.bytes) : file.bytes
        let read = read(content, most)
        precondition(read.end <= read.length, "a log ends in its file")
        precondition((read.salt == nil) == isOfLanes, "only a log of this version is gone on with")
        guard var state = read.state else { return }
        precondition(state.newestSegment <= most, "a cursor leads nowhere beyond")
        check(state)
        // Only a change says it, no snapshot.
        state.forgetSuccessor()
        guard !isBig(state.jobs) else { return }
        var again = start()
        let begin = again.begin(.snapshot)
        CursorCoding.put(state, into: &again)
        again.end(begin, salt: salt)
        let second = self.read(again.bytes, most)
        precondition(second.state == state, "a cursor that is written anew says the same")
        precondition(second.end == second.length, "a cursor that is written anew is whole")
    }

    private static func start() -> RecordBuffer {
        var file = RecordBuffer()
        FileHeader(kind: .cursorLog, salt: salt, number: BufferFileName.hash("d"), createdMs: 1_000)
            .put(into: &file)
        return file
    }

    private static func read(_ content: [UInt8], _ most: UInt64) -> CursorLog.Read {
        do throws(BufferError) {
            return try CursorLog.read("cursor", mostSegment: most, files: BytesDoor(bytes: content))
        } catch {
            preconditionFailure("memory can be read: \(error)")
        }
    }

    /// What every state of a cursor keeps to.
    private static func check(_ state: CursorState) {
        precondition(state.sent.count <= InFlightSize.mostRequests, "no more is in flight than it knows")
        precondition(
            AnsweredRanges(state.answered.ranges) == state.answered, "ranges ascend and do not touch")
        precondition(
            state.answered.ranges.allSatisfy { $0.lowerBound > state.mark }, "ranges lie behind the mark")
        precondition(
            state.sent.values.allSatisfy { SentRequest.areInOrder($0.spans) }, "spans are in order")
    }

    /// Counts beyond what any buffer has counted: sums of what a forger wrote. A file that says so is
    /// refused, and what is written of them is, too.
    private static func isBig(_ outcome: JobOutcome) -> Bool {
        outcome.delivered > SampleCount.limit || outcome.dropped.values.contains { $0 > SampleCount.limit }
    }

    private static func isBig(_ jobs: [String: CursorState.Job]) -> Bool {
        jobs.values.contains { isBig($0.outcome) }
    }

    private static func isBig(_ change: CursorChange) -> Bool {
        guard case .answered(_, _, _, let outcome) = change else { return false }
        return outcome.entries.contains { isBig($0.outcome) }
    }
}
