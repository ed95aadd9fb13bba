import MetricModel
import Platform

@testable import WriteAheadBuffer

/// Whether a damage has cost what it hit, and nothing else.
struct FlipJudge {
    /// What was done to a file.
    enum Damage {
        /// The bit of a byte.
        case flip(Int, bit: Int)
        /// All that stood behind a length.
        case cut(Int)
    }

    let map: FlipMap
    /// What is found without a damage.
    let reference: FlipLook
    /// The segment that was written to last: what is torn at its end cannot be told from what was never
    /// written.
    let last: UInt64
    /// The buffer was closed, so that the books at its end are known.
    let isClosed: Bool
    /// The files before.
    let files: [String: [UInt8]]

    /// What is wrong with what was found after a damage of the file at `path`.
    func wrong(_ look: FlipLook, _ path: String, _ damage: Damage) -> [String] {
        if let failure = look.failure { return ["the start fails: \(failure)"] }
        let name = String(path.dropFirst(FaultGround.directory.count + 1))
        var wrong: [String] = []
        for (name, given) in look.given where given.contains(where: { !$0.isRight }) {
            wrong.append("\(name) is given a frame with another content")
        }
        for (name, jobs) in look.ledger.destinations {
            for (job, books) in jobs where books.buffered > 0 {
                wrong.append("\(name) \(job): \(books.buffered) samples wait where nothing is left")
            }
        }
        if let segment = BufferFileName.segmentNumber(name) {
            wrong += ofSegment(look, segment, damage)
        } else if BufferFileName.isCursor(name) {
            wrong += ofCursor(look, path, damage)
        } else {
            wrong += FlipGround.names.flatMap { unharmed(look, $0) }
            if let first = look.alarms.first { wrong.append("it is said that \(first.sentence)") }
        }
        if look.secondGiven > 0 { wrong.append("a second start is given \(look.secondGiven) frames") }
        if let first = look.secondAlarms?.first {
            wrong.append("a second start is not quiet: \(first.sentence) \(first.metadata)")
        }
        return wrong
    }

    /// A destination gets exactly what it gets without the damage, and nothing is booked as damaged.
    private func unharmed(_ look: FlipLook, _ name: String) -> [String] {
        var wrong: [String] = []
        if look.given[name] != reference.given[name] { wrong.append("\(name) is given something else") }
        if look.sent[name] != reference.sent[name] { wrong.append("\(name) has something else in flight") }
        for (job, books) in look.ledger.destinations[name] ?? [:] where !books.dropped.isEmpty {
            wrong.append("\(name) \(job) has lost \(books.dropped)")
        }
        return wrong
    }

    // MARK: cursors

    private func ofCursor(_ look: FlipLook, _ path: String, _ damage: Damage) -> [String] {
        let names = FlipGround.names
        guard let hit = names.first(where: { path.hasSuffix(BufferFileName.cursor($0)) }) else {
            return ["no destination has the cursor \(path)"]
        }
        var wrong = names.filter { $0 != hit }.flatMap { unharmed(look, $0) }
        // Sent again, and nothing lost.
        let given = Dictionary(
            (look.given[hit] ?? []).map { ($0.start.offset << 20 | $0.start.segment, $0.open) },
            uniquingKeysWith: { $0 + $1 })
        for wanted in reference.given[hit] ?? [] {
            // The mark may stand in the frame: then it is found from its beginning on.
            let key = wanted.start.offset << 20 | wanted.start.segment
            let isThere = wanted.open.allSatisfy { range in
                (given[key] ?? []).contains {
                    $0.lowerBound <= range.lowerBound && $0.upperBound >= range.upperBound
                }
            }
            if !isThere { wrong.append("\(hit) is not given frame \(wanted.number)") }
        }
        for (job, books) in look.ledger.destinations[hit] ?? [:] where !books.dropped.isEmpty {
            wrong.append("\(hit) \(job) has lost \(books.dropped)")
        }
        if isSaidOfCursor(path, damage) {
            if !look.alarms.contains(where: { $0.metadata["path"] == path }) {
                wrong.append("nothing is said of the cursor")
            }
            if look.damagedCursors == 0 { wrong.append("no metric counts the cursor") }
        }
        return wrong
    }

    /// One copy of the header is enough; and where a log ends between two records it was as long once.
    private func isSaidOfCursor(_ path: String, _ damage: Damage) -> Bool {
        switch damage {
        case .flip(let byte, _): return byte >= FileHeader.sizeBytes
        case .cut(let length):
            guard length > FileHeader.sizeBytes, let bytes = files[path],
                let header = FileHeader(bytes.span)
            else { return true }
            var place = FileHeader.sizeBytes
            while place < length, let record = RecordHeader(bytes.span, at: place, salt: header.salt) {
                place += record.recordBytes
            }
            return place != length
        }
    }

    // MARK: segments

    private func ofSegment(_ look: FlipLook, _ segment: UInt64, _ damage: Damage) -> [String] {
        let record: FlipMap.Record?
        let mayBeLost: Set<Int>
        switch damage {
        case .flip(let byte, _):
            record = map.record(segment, at: byte)
            mayBeLost = record?.dependents ?? []
            // One copy of the header is enough.
            if record == nil { return FlipGround.names.flatMap { unharmed(look, $0) } }
        case .cut(let length):
            record = nil
            mayBeLost = map.frames(of: segment, notEndingBefore: length)
        }
        var wrong = FlipGround.names.flatMap { name in
            lossesAndBooks(look, name, segment, mayBeLost, record, damage)
        }
        if isSaidOfSegment(segment, damage), !isSaid(look, segment, record) {
            wrong.append("nothing is said of the damage")
        }
        if case .flip = damage, !(isAtEnd(segment, record) && !isClosed), look.damagedPlaces == 0 {
            wrong.append("no metric counts the damage")
        }
        return wrong
    }

    /// Only what needs the damaged place is lost, and it is counted to the sample.
    private func lossesAndBooks(
        _ look: FlipLook, _ name: String, _ segment: UInt64, _ mayBeLost: Set<Int>,
        _ record: FlipMap.Record?, _ damage: Damage
    ) -> [String] {
        var wrong: [String] = []
        let wanted = reference.given[name] ?? []
        let given = look.given[name] ?? []
        for one in given where !wanted.contains(one) {
            // What was answered for and cannot be found any more may be all that a range ends by.
            if !mayBeMoreOpen(damage) { wrong.append("\(name) is given frame \(one.number) anew") }
        }
        let lost = wanted.filter { one in !given.contains { $0.number == one.number } }
        for one in lost where !mayBeLost.contains(one.number) {
            wrong.append("\(name) is not given frame \(one.number), which is whole")
        }
        // What of the lost frames was answered for may be booked as damaged, too.
        let answered = mayBeLost.subtracting(wanted.map(\.number))
        for (job, books) in look.ledger.destinations[name] ?? [:] {
            let missing = lost.filter { FaultFrames.job($0.number) == job }.reduce(0) { $0 + Int($1.samples) }
            let slack = answered.filter { FaultFrames.job($0) == job }
                .reduce(0) { $0 + Int(FaultFrames.sampleCount($1)) }
            let booked = Int(books.dropped["damaged"] ?? 0) + Int(books.earlier)
            let mayBeUncounted = mayBeUncounted(job, segment, record, damage)
            let partly = wanted.filter { mayBeLost.contains($0.number) && FaultFrames.job($0.number) == job }
                .reduce(0) { $0 + Int(FaultFrames.sampleCount($1.number)) - Int($1.samples) }
            let least = mayBeUncounted ? min(0, missing) - slack - partly : missing
            if booked < least || booked > missing + slack + partly {
                wrong.append("\(name) \(job): \(missing) samples are lost and \(booked) are booked")
            }
        }
        return wrong
    }

    /// A cursor that says more than there is forgets what it says of it.
    private func mayBeMoreOpen(_ damage: Damage) -> Bool {
        if case .cut = damage { return true }
        return false
    }

    private func mayBeUncounted(
        _ job: String, _ segment: UInt64, _ record: FlipMap.Record?, _ damage: Damage
    ) -> Bool {
        guard segment == last else { return false }
        // The file's length shows that the index is not about it: the books are read from the file then.
        if case .cut = damage { return true }
        return !isClosed && (record?.uncountedJobs.contains(job) ?? false)
    }

    private func isAtEnd(_ segment: UInt64, _ record: FlipMap.Record?) -> Bool {
        guard segment == last, let record else { return false }
        return record.range.upperBound == map.records[segment]?.last?.range.upperBound
    }

    /// Of the last segment a cut between two records leaves what it was a moment before.
    private func isSaidOfSegment(_ segment: UInt64, _ damage: Damage) -> Bool {
        guard case .cut(let length) = damage, segment == last else { return true }
        // Within the header's second copy nothing was ever in it that one could tell of.
        if length < FileHeader.sizeBytes { return length > 0 && length < FileHeader.copyBytes }
        return !map.isBoundary(segment, length)
    }

    /// A line names the segment and, for a record, its place.
    private func isSaid(_ look: FlipLook, _ segment: UInt64, _ record: FlipMap.Record?) -> Bool {
        look.alarms.contains { line in
            guard line.metadata["segment"] == "\(segment)" else { return false }
            return record.map { line.metadata["offset"] == "\($0.range.lowerBound)" } ?? true
        }
    }
}
