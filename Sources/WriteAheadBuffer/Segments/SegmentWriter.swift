internal import MetricModel
internal import Platform

/// The active segment: makes records and remembers what it has stated. Used under the buffer's lock.
struct SegmentWriter {
    /// What the segment knows of a target: the frame before is the base of the next.
    private struct TargetState {
        /// Held, so that the object that is the key stays the one it is.
        var target: Target
        let number: UInt32
        var sequence: UInt32 = 0
        var layout: Layout?
        var layoutNumber: UInt32 = 0
        var chunks: [UInt32] = []
        var values: [Double] = []
        var sides = FrameSides()
        /// Bytes of the records that the next segment repeats: the target, and a frame without a base.
        var repeatedBytes = 0
        /// When the last frame came, by the monotonic clock.
        var lastNs: UInt64 = 0

        /// Whether no scrape loop and no waiting frame holds the target any more, so that no frame of it can
        /// be appended.
        mutating func isGone() -> Bool { isKnownUniquelyReferenced(&target) }
    }

    private struct ChunkState {
        /// Not held: a chunk that no target uses any more goes, and its entry with it. Another chunk may take
        /// the identity that is the key.
        weak var chunk: LayoutChunk?
        let number: UInt32
        /// Of the record that states it.
        let recordBytes: Int
    }

    /// Records so far go to the file at this length: a layout of a million series is a hundred megabytes of
    /// statements.
    private static let pieceBytes = 512 << 10
    /// A segment is so many times as long as what the next one repeats, where that is much: statements, and
    /// frames without a base, which take twice what others take. Longer ones would save little, and are
    /// removed, and read from their beginnings, as a whole.
    private static let lengthInRepeats: UInt64 = 8
    /// What the next one repeats is much from this on. Below it a segment need only be twice as long as the
    /// statements.
    private static let muchBytes: UInt64 = 1 << 20

    /// A segment that holds little but what the next one repeats is ended at so many times the age.
    private static let mostAges: UInt64 = 4

    let number: UInt64
    /// The file, with what of it is not durable yet.
    let tail: UnsyncedTail
    let salt: UInt32
    /// By the monotonic clock: the wall clock may jump.
    let createdNs: UInt64
    /// Targets whose state is held.
    var targetCount: Int { targets.count }
    /// Their ids.
    var targetIDs: Set<UInt64> { Set(targets.values.map(\.target.id)) }
    /// Bytes of the last attempt to write.
    var attemptedBytes: Int { written + scratch.count }
    /// Bytes that were written in full.
    private(set) var length: UInt64
    /// Bytes behind `length` that are in the file: pieces of what is being appended.
    private var written = 0
    /// Where `isFull` looks again.
    private var nextLook: UInt64 = 0
    /// When `isOld` looks again.
    private var nextLookNs: UInt64 = 0
    /// The time that it was told last.
    private var nowNs: UInt64
    /// Bytes of the columns that are held.
    private(set) var baseBytes = 0
    /// Bytes of all chunks stated, those that no target uses any more among them.
    private var chunkBytes = 0
    /// The number of targets at which `isMostlyOfTheGone` looks again.
    private var nextCensus = leastGone
    /// Fewer targets that are gone end no segment.
    private static let leastGone = 16
    /// Less in statements ends no segment because it is of the past.
    private static let leastPastBytes = 256 << 10
    /// Samples of each job in this segment.
    private(set) var jobSamples: [String: UInt64] = [:]

    private let files: any FileDoor
    private var scratch = RecordBuffer(capacity: 64 << 10)
    /// A chunk that is about to be packed.
    private var plain = RecordBuffer(capacity: 0)
    private var targets: [ObjectIdentifier: TargetState] = [:]
    private var chunks: [ObjectIdentifier: ChunkState] = [:]
    /// Chunks stated so far, those that are gone among them.
    private var chunkCount = 0
    /// `chunks.count` at which the entries of those that are gone are let go.
    private var nextSweep = leastSwept
    private static let leastSwept = 1_024
    /// By the numbers of their chunks. Forgotten when they are many more than targets: one of them is stated
    /// again then if a target comes back to it.
    private var layouts: [[UInt32]: UInt32] = [:]
    private var layoutCount: UInt32 = 0
    /// Where the next frame stands in the log, in a segment that stands in memory.
    private var nextPlace: UInt64?
    /// A failed write may have left bytes behind `length` that could not be cut off.
    private(set) var isTorn = false

    /// Makes the file, with its header and the books so far. `front`: of a segment that stands in memory,
    /// what of it is gone; its frames say their places then.
    init(
        number: UInt64, path: String, salt: UInt32, nowMs: Int64, nowNs: UInt64, ledger: LedgerRecord,
        front: MemorySegment.Front? = nil, files: any FileDoor, metrics: BufferMetrics, memory: MemoryAccount
    ) throws(FileError) {
        self.number = number
        self.salt = salt
        self.files = files
        (createdNs, self.nowNs) = (nowNs, nowNs)
        let file = try files.open(path, .create)
        tail = UnsyncedTail(number: number, file: file, files: files, metrics: metrics, memory: memory)
        length = 0
        let features = FileHeader.isDense | (front == nil ? 0 : FileHeader.isPlaced)
        FileHeader(kind: .segment, features: features, salt: salt, number: number, createdMs: nowMs)
            .put(into: &scratch)
        ledger.putRecord(salt: salt, into: &scratch)
        if let front {
            (nextPlace, jobSamples) = (front.place, front.gone)
            front.books(of: number, after: ledger).putRecord(salt: salt, into: &scratch)
        }
        do throws(FileError) {
            // Safety: UInt8 has no padding, so every byte of the span may be read.
            try unsafe files.write(scratch.storage.span.bytes.extracting(0..<scratch.count), to: file, at: 0)
        } catch {
            // The file is of no use without its header; that it cannot be removed either changes nothing.
            try? files.close(file)
            try? files.remove(path)
            throw error
        }
        length = UInt64(scratch.count)
        tail.wrote(scratch.storage, count: scratch.count)
    }

    /// Writes one frame with what it needs stated, and says what its record does: the prefix, and the numbers
    /// of the layout's chunks. After a throw nothing has changed but `isTorn`.
    @discardableResult
    mutating func append(_ frame: Frame) throws(FileError) -> (prefix: FramePrefix, chunks: [UInt32]) {
        begin()
        var state = targets[ObjectIdentifier(frame.target)] ?? newTarget(frame.target)
        var added: [ObjectIdentifier: ChunkState] = [:]
        let isNewLayout = !(state.layout?.isIdentical(to: frame.layout) ?? false)
        let chunkNumbers = isNewLayout ? try numbers(of: frame.layout.chunks, &added) : state.chunks
        var layoutNumber = state.layoutNumber
        var isStated = true
        if isNewLayout {
            if let known = layouts[chunkNumbers] {
                layoutNumber = known
            } else {
                layoutNumber = layoutCount
                isStated = false
                let start = scratch.begin(.layout, subject: layoutNumber)
                StatementCoding.put(layout: chunkNumbers, into: &scratch)
                scratch.end(start, salt: salt)
            }
        }
        var prefix = FramePrefix(
            sequence: state.sequence, layout: layoutNumber, timestampMs: frame.timestampMs,
            jobBefore: jobSamples[frame.target.job] ?? 0, sampleCount: UInt32(frame.sampleCount))
        prefix.place = nextPlace
        prefix.absent = frame.absent
        prefix.explicitTimestamps = frame.explicitTimestamps
        for departed in frame.departed {
            prefix.departed.append(
                .init(chunk: try numbers(of: [departed.chunk], &added)[0], series: departed.series))
        }
        let isFirst = state.sequence == 0
        let sides = FrameSides(frame)
        var flags = isFirst ? RecordHeader.selfContained : 0
        if !sides.isEmpty { flags |= RecordHeader.hasSides }
        let start = scratch.begin(.frame, flags: flags, subject: state.number)
        prefix.put(into: &scratch)
        let bases: BaseMap =
            isFirst
            ? .none : BaseMap(from: state.chunks, starts: state.layout?.starts ?? [0], to: chunkNumbers)
        ColumnCodec.encode(
            frame.values, starts: frame.layout.starts, base: state.values, bases: bases, into: &scratch)
        if !sides.isEmpty {
            sides.put(
                base: isFirst || isNewLayout ? nil : state.sides, timestampMs: frame.timestampMs,
                into: &scratch)
        }
        scratch.end(start, salt: salt)
        if isFirst { state.repeatedBytes += scratch.count - start }
        try finish()

        keep(added)
        if !isStated {
            if layouts.count >= max(Self.leastSwept, 4 * targets.count) { layouts = [:] }
            layouts[chunkNumbers] = layoutNumber
            layoutCount += 1
        }
        nextPlace = nextPlace.map { $0 + 1 }
        state.sequence += 1
        state.layout = frame.layout
        state.layoutNumber = layoutNumber
        state.chunks = chunkNumbers
        baseBytes += HeldBytes.of(frame.values, sides) - HeldBytes.of(state.values, state.sides)
        state.values = frame.values
        state.sides = sides
        state.lastNs = nowNs
        targets[ObjectIdentifier(frame.target)] = state
        jobSamples[frame.target.job, default: 0] += UInt64(frame.sampleCount)
        return (prefix, chunkNumbers)
    }

    /// Writes the books again: appends failed since the last time, or the segment ends.
    mutating func append(_ ledger: LedgerRecord) throws(FileError) {
        begin()
        ledger.putRecord(salt: salt, into: &scratch)
        try finish()
    }

    private mutating func newTarget(_ target: Target) -> TargetState {
        var state = TargetState(target: target, number: UInt32(targets.count))
        let start = scratch.begin(.target, subject: state.number)
        StatementCoding.put(target, into: &scratch)
        scratch.end(start, salt: salt)
        state.repeatedBytes = scratch.count - start
        return state
    }

    /// The chunks' numbers; those that the segment does not know yet are stated, and are known once `added`
    /// is kept.
    private mutating func numbers(
        of wanted: [LayoutChunk], _ added: inout [ObjectIdentifier: ChunkState]
    ) throws(FileError) -> [UInt32] {
        var numbers: [UInt32] = []
        numbers.reserveCapacity(wanted.count)
        for chunk in wanted {
            let key = ObjectIdentifier(chunk)
            if let known = known(chunk) ?? added[key] {
                numbers.append(known.number)
                continue
            }
            let number = UInt32(chunkCount + added.count)
            let start = scratch.count
            StatementCoding.putRecords(
                of: chunk, number: number, salt: salt, scratch: &plain, into: &scratch)
            added[key] = ChunkState(chunk: chunk, number: number, recordBytes: scratch.count - start)
            numbers.append(number)
            if scratch.count >= Self.pieceBytes { try writePiece() }
        }
        return numbers
    }

    private func known(_ chunk: LayoutChunk) -> ChunkState? {
        guard let known = chunks[ObjectIdentifier(chunk)], known.chunk === chunk else { return nil }
        return known
    }

    /// Takes in chunks that have been stated, and lets go of the entries of those that are gone once they may
    /// be half of all, so that this costs a constant for each.
    private mutating func keep(_ added: [ObjectIdentifier: ChunkState]) {
        guard !added.isEmpty else { return }
        chunks.merge(added) { _, new in new }
        chunkCount += added.count
        chunkBytes += added.values.reduce(0) { $0 + $1.recordBytes }
        guard chunks.count >= nextSweep else { return }
        chunks = chunks.filter { $0.value.chunk != nil }
        nextSweep = max(Self.leastSwept, 2 * chunks.count)
    }

    private mutating func begin() {
        scratch.removeAll()
        written = 0
    }

    /// Writes what is left of the append, which then counts.
    private mutating func finish() throws(FileError) {
        try writePiece()
        length += UInt64(written)
        written = 0
    }

    /// Writes the records so far behind what counts. After a throw none of the append is there.
    private mutating func writePiece() throws(FileError) {
        do throws(FileError) {
            guard scratch.largestPayloadBytes <= RecordHeader.maxPayloadBytes else {
                throw FileError(
                    operation: "encode", path: tail.file.path, errno: 0,
                    message: "a record of \(scratch.largestPayloadBytes) bytes is more than any reader takes")
            }
            // Safety: UInt8 has no padding, so every byte of the span may be read.
            try unsafe files.write(
                scratch.storage.span.bytes.extracting(0..<scratch.count), to: tail.file,
                at: length + UInt64(written))
        } catch {
            // A prefix may be there. Cut off, the segment is as before; if not even that works, it ends here.
            tail.cut(to: length)
            do throws(FileError) {
                try files.truncate(tail.file, to: length)
            } catch {
                isTorn = true
            }
            throw error
        }
        written += scratch.count
        tail.wrote(scratch.storage, count: scratch.count)
        scratch.removeAll()
    }

    // MARK: length

    /// Whether another segment is to be begun: this one has the limit, and most of it is not what every
    /// segment must have of the targets there are: their statements, and a frame of each without a base.
    /// Otherwise segments of a fleet whose first frames alone reach the limit would hold little else.
    mutating func isFull(_ configuration: BufferConfiguration) -> Bool {
        let limitBytes = configuration.segmentLimitBytes
        guard length >= limitBytes, length >= nextLook else { return false }
        let (stated, first) = repeatedBytes
        let repeats = stated + first
        // Half of it at least is not repeated, as long as retention leaves room for a second one.
        let mostBytes = min(max(configuration.segmentMostBytes, 2 * repeats), configuration.segmentEndBytes)
        let wanted = min(repeats < Self.muchBytes ? 2 * stated : Self.lengthInRepeats * repeats, mostBytes)
        if length >= wanted { return true }
        nextLook = max(wanted, length + limitBytes / 8)
        return false
    }

    /// Whether at least as many targets of the segment are gone as are still scraped. The writer and each
    /// reader keep the last frame of every target in memory until the segment ends. A new segment frees the
    /// frames of targets that are gone, and only has to state again those that are still scraped.
    mutating func isMostlyOfTheGone() -> Bool {
        guard targets.count >= nextCensus else { return false }
        var gone = 0
        // An array, as a view of the dictionary would be another holder of what is in it.
        for key in Array(targets.keys) where targets[key]?.isGone() ?? false { gone += 1 }
        let there = targets.count - gone
        // Also where it is to end: if no new one can be begun, this one goes on.
        nextCensus = targets.count + max(there - gone, Self.leastGone)
        return gone >= max(there, Self.leastGone)
    }

    /// Whether most of what it states, and that is much, or most of its targets are used by nobody any more.
    /// A look at each target and its chunks.
    mutating func isMostlyOfThePast() -> Bool {
        var used: [UInt32: Int] = [:]
        var gone = 0
        // An array, as in `isMostlyOfTheGone`.
        for key in Array(targets.keys) {
            if targets[key]?.isGone() ?? false {
                gone += 1
                continue
            }
            for chunk in targets[key]?.layout?.chunks ?? [] {
                if let stated = known(chunk) { used[stated.number] = stated.recordBytes }
            }
        }
        let usedBytes = used.values.reduce(0, +)
        return gone >= max(targets.count - gone, Self.leastGone)
            || chunkBytes >= Self.leastPastBytes && chunkBytes / 2 > usedBytes
    }

    /// Gives back the room that large records have needed, and what is kept of chunks that are gone.
    mutating func giveBackRoom() {
        chunks = chunks.filter { $0.value.chunk != nil }
        scratch.giveBackRoom()
        plain = RecordBuffer(capacity: 0)
    }

    /// Whether another segment is to be begun because this one is `maxAgeNs` old: the state of what went is
    /// let go with it. It may be four times as old while few went, and what the next one would repeat is a
    /// large part of it, as it is of a few targets that are scraped once a minute.
    mutating func isOld(nowNs: UInt64, maxAgeNs: UInt64) -> Bool {
        self.nowNs = nowNs
        let ageNs = nowNs - createdNs
        guard ageNs >= maxAgeNs else { return false }
        guard ageNs / Self.mostAges < maxAgeNs else { return true }
        guard nowNs >= nextLookNs else { return false }
        nextLookNs = nowNs + maxAgeNs / 8
        let (stated, first) = repeatedBytes
        if length >= Self.lengthInRepeats * (stated + first) || UInt64(chunkBytes) > 2 * stated {
            return true
        }
        let gone = targets.values.count { nowNs - $0.lastNs >= maxAgeNs }
        return 8 * gone >= targets.count
    }

    /// Bytes that the next segment repeats.
    var restatedBytes: UInt64 { repeatedBytes.stated + repeatedBytes.first }

    /// What the next segment repeats, in bytes: the chunks that the targets' last frames refer to; and the
    /// targets with their first frames.
    private var repeatedBytes: (stated: UInt64, first: UInt64) {
        var bytes: [UInt32: Int] = [:]
        var first = 0
        for state in targets.values {
            first += state.repeatedBytes
            for chunk in state.layout?.chunks ?? [] {
                if let stated = known(chunk) { bytes[stated.number] = stated.recordBytes }
            }
        }
        return (UInt64(bytes.values.reduce(0, +)), UInt64(first))
    }
}
