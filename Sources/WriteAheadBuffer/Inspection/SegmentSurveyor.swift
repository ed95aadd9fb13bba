internal import MetricModel
internal import Platform

/// Walks a segment's file from its beginning to its end: decodes each frame, tells of all that is wrong, and
/// counts what the bytes are spent on. It only reads, and holds what an agent's reader holds: the file's
/// window, what is stated, and each target's last values.
struct SegmentSurveyor {
    /// Where a segment ends.
    enum End {
        /// It is or was written to: what cannot be read behind its last record is no damage.
        case open
        /// The file's end.
        case file
        /// Here, as the next segment says. Bytes behind are the rest of a write that failed.
        case at(UInt64)
    }

    /// A frame whose checksum is right.
    struct Met {
        let target: Target
        let prefix: FramePrefix
        let start: BufferPosition
        let end: BufferPosition
        /// Of its record.
        let bytes: UInt64
        /// nil where it lacks what it needs, or contradicts itself.
        let frame: Frame?
    }

    private struct TargetState {
        let target: Target
        /// As in `FrameReader`.
        var sequence: UInt32? = 0
        var layoutNumber: UInt32?
        var chunks: [UInt32] = []
        var layout = Layout([])
        var values: [Double] = []
        var sides = FrameSides()
    }

    let number: UInt64
    private let hasPlaces: Bool
    private let file: ExaminedFile
    private var scanner: RecordScanner
    private let end: End
    private let findings: FindingList

    private(set) var density = BufferDensity()
    /// The books as far as the walk has come, and whether they are those of the buffer: without a record of
    /// them they begin at the segment.
    private(set) var totals: [String: JobTotal]
    private(set) var hasBooks: Bool
    /// The books at the beginning; nil where nobody knows them.
    private var before: [String: JobTotal]?
    /// Samples of each job before the place where the walk stands.
    private var met = MetSamples()
    private var targets: [UInt32: TargetState] = [:]
    private var chunks: [UInt32: LayoutChunk] = [:]
    /// The numbers of their chunks.
    private var layouts: [UInt32: [UInt32]] = [:]
    /// Of all chunks, as `StatedLayouts` counts them.
    private var plainBytes = 0
    /// Of all targets together: the values that their next frames build on.
    private var heldValues = 0
    /// So many of them are held: half a gigabyte. A forged file of a few kilobytes could state more.
    var mostHeldValues = 1 << 26

    /// `before` are the books at the end of the segment before, for one whose own are damaged.
    init(
        _ file: ExaminedFile, _ header: FileHeader, end: End, before: [String: JobTotal]?,
        _ findings: FindingList
    ) {
        number = header.number
        hasPlaces = header.hasPlaces
        self.file = file
        self.end = end
        self.before = before
        hasBooks = before != nil
        self.findings = findings
        totals = before ?? [:]
        scanner = file.scanner(header)
    }

    /// Bytes of the file before the record that is read next.
    var place: UInt64 { scanner.offset }

    private var limit: UInt64 {
        if case .at(let end) = end { return min(end, file.length) }
        return file.length
    }

    /// Gives `visit` each frame in its order, until that is false. Throws when the disk does.
    mutating func walk(_ visit: (Met) -> Bool) throws(FileError) {
        let limit = limit
        density[.fileHeaders] = min(UInt64(FileHeader.sizeBytes), file.length)
        density[.behindTheEnd] = file.length - max(limit, density[.fileHeaders])
        // Findings behind the last intact record, which ends at `intact`.
        var doubtful: [BufferFinding] = []
        var intact = density[.fileHeaders]
        walking: while true {
            switch try scanner.next(limit: limit) {
            case .end: break walking
            case .damage(let place, let next):
                doubtful.append(finding(.record, at: place, bytes: next - place))
            case .record(let header, let place):
                let bytes = UInt64(header.recordBytes)
                let range = try scanner.payload(header, at: place, limit: limit)
                // No torn end has so many.
                if range != nil || doubtful.count >= FindingList.most {
                    for found in doubtful { damage(found) }
                    doubtful = []
                    intact = place
                }
                guard let range else {
                    doubtful.append(finding(.checksum, at: place, bytes: bytes))
                    lose(header)
                    continue
                }
                intact = place + bytes
                let window = scanner.bytes
                guard take(header, at: place, window.span.extracting(range), visit) else { return }
            }
        }
        if case .open = end, intact < limit {
            density[.unfinished] += limit - intact
            findings.add(.unfinished, file.name, at: intact, bytes: limit - intact)
        } else {
            for found in doubtful { damage(found) }
        }
        if case .at(let end) = end, end > file.length {
            findings.add(.cut, file.name, at: file.length, bytes: end - file.length)
        }
    }

    /// Tells what the books of the next segment that can be read have more than those at this one's end.
    /// `isThere`: the directory has a file of the one before it. False where that cannot be told.
    func compare(with next: LedgerRecord, isThere: Bool) -> Bool {
        guard before != nil else { return false }
        let what: BufferFinding.What = isThere ? .missing : .absent
        for (job, total) in next.jobs.sorted(by: { $0.key < $1.key }) {
            let held = totals[job]?.appended ?? 0
            if total.appended > held { tell(what, at: limit, samples: total.appended - held, of: job) }
        }
        return true
    }

    private func finding(_ what: BufferFinding.What, at place: UInt64, bytes: UInt64 = 0) -> BufferFinding {
        BufferFinding(what: what, file: file.name, offset: place, bytes: bytes)
    }

    private func tell(
        _ what: BufferFinding.What, at place: UInt64, bytes: UInt64 = 0, samples: UInt64, of job: String
    ) {
        var finding = finding(what, at: place, bytes: bytes)
        finding.samples = samples
        finding.job = job
        findings.add(finding)
    }

    private mutating func damage(_ found: BufferFinding) {
        density[.damaged] += found.bytes
        findings.add(found)
    }

    /// A record is damaged: what needs it is lost.
    private mutating func lose(_ header: RecordHeader) {
        switch header.type {
        case .target: state(nil, of: header.subject)
        case .frame: targets[header.subject]?.sequence = nil
        case .chunk: chunks[header.subject] = nil
        case .layout: layouts[header.subject] = nil
        case .ledger, .metadata, .snapshot, .progress, .indexed: break
        }
    }

    /// Another statement of a target, or none, takes the place of the one before.
    private mutating func state(_ new: TargetState?, of subject: UInt32) {
        heldValues -= targets[subject]?.values.count ?? 0
        targets[subject] = new
    }

    /// An intact record.
    private mutating func take(
        _ header: RecordHeader, at place: UInt64, _ payload: Span<UInt8>, _ visit: (Met) -> Bool
    ) -> Bool {
        let bytes = UInt64(header.recordBytes)
        var isRight = true
        switch header.type {
        case .frame: return takeFrame(header, at: place, payload, visit)
        case .target:
            density[.targets] += bytes
            let target = StatementCoding.target(payload)
            state(target.map { TargetState(target: $0) }, of: header.subject)
            isRight = target != nil
        case .chunk:
            density[.chunks] += bytes
            let chunk = readChunk(payload, header.flags)
            chunks[header.subject] = chunk
            isRight = chunk != nil
        case .metadata:
            density[.metadata] += bytes
            if let chunk = chunks[header.subject] {
                isRight =
                    MetadataCoding.metadata(payload, flags: header.flags, seriesCount: chunk.seriesCount)
                    != nil
            }
        case .layout:
            density[.layouts] += bytes
            let numbers = StatementCoding.layout(payload)
            layouts[header.subject] = numbers
            isRight = numbers != nil
        case .ledger:
            density[.ledgers] += bytes
            let record = LedgerRecord(payload)
            isRight = record != nil
            if let record {
                if place == UInt64(FileHeader.sizeBytes) { before = record.jobs }
                if met.isSecond(at: place, bytes: bytes), hasPlaces, let before {
                    met.pass(record, before: before)
                }
                totals = record.jobs
                hasBooks = true
            }
        case .snapshot, .progress, .indexed:
            damage(finding(.content, at: place, bytes: bytes))
            return true
        }
        if !isRight { findings.add(.content, file.name, at: place, bytes: bytes) }
        return true
    }

    private mutating func readChunk(_ payload: Span<UInt8>, _ flags: UInt8) -> LayoutChunk? {
        guard plainBytes < StatedLayouts.Bound().bytes(ofSegment: limit) else { return nil }
        let read = StatementCoding.readChunk(payload, flags: flags)
        plainBytes += read.plainBytes
        return read.chunk
    }

    private mutating func takeFrame(
        _ header: RecordHeader, at place: UInt64, _ payload: Span<UInt8>, _ visit: (Met) -> Bool
    ) -> Bool {
        let bytes = UInt64(header.recordBytes)
        guard var state = targets[header.subject] else {
            // Its samples are missed later, by the books of its job.
            density[.lostFrames] += bytes
            findings.add(.base, file.name, at: place, bytes: bytes)
            return true
        }
        var offset = 0
        guard let prefix = FramePrefix(payload, &offset, hasPlace: hasPlaces) else {
            targets[header.subject]?.sequence = nil
            density[.lostFrames] += bytes
            findings.add(.content, file.name, at: place, bytes: bytes)
            return true
        }
        count(prefix, of: state.target.job, at: place)
        let columns = density.modes
        let decoded = decode(header, prefix, offset, payload, &state)
        targets[header.subject] = state
        if case .failure(let reason) = decoded {
            density.modes = columns
            density[.lostFrames] += bytes
            let samples = UInt64(prefix.sampleCount)
            tell(reason.what, at: place, bytes: bytes, samples: samples, of: state.target.job)
        }
        return visit(
            Met(
                target: state.target, prefix: prefix,
                start: BufferPosition(segment: number, offset: prefix.place ?? place),
                end: BufferPosition(segment: number, offset: prefix.place.map { $0 + 1 } ?? place + bytes),
                bytes: bytes, frame: try? decoded.get()))
    }

    /// Counts a frame of `job`, and tells what is missing before it.
    private mutating func count(_ prefix: FramePrefix, of job: String, at place: UInt64) {
        let missing = met.count(prefix, of: job)
        if missing > 0 { tell(.missing, at: place, samples: missing, of: job) }
        guard let before else { return }
        let atEnd = SampleCount.sum(before[job]?.appended ?? 0, met.jobs[job] ?? 0)
        totals[job, default: JobTotal()].appended = max(atEnd, totals[job]?.appended ?? 0)
    }

    /// Why a frame cannot be decoded.
    private struct Refusal: Error {
        let what: BufferFinding.What
    }

    /// As `FrameReader` decodes it.
    private mutating func decode(
        _ header: RecordHeader, _ prefix: FramePrefix, _ columnOffset: Int, _ payload: Span<UInt8>,
        _ state: inout TargetState
    ) -> Result<Frame, Refusal> {
        let isSelfContained = header.flags & RecordHeader.selfContained != 0
        let hasBase = isSelfContained || state.sequence == prefix.sequence
        state.sequence = nil
        // A file may state a number again: the chunks and the layout must be of the same statement.
        let isSame = state.layoutNumber == prefix.layout
        guard hasBase, let numbers = isSame ? state.chunks : layouts[prefix.layout],
            let layout = isSame ? state.layout : layout(of: numbers)
        else { return .failure(Refusal(what: .base)) }
        var departed: [Frame.Departed] = []
        for group in prefix.departed {
            guard let chunk = chunks[group.chunk] else { return .failure(Refusal(what: .base)) }
            departed.append(Frame.Departed(chunk: chunk, series: group.series))
        }
        let bases: BaseMap =
            isSelfContained ? .none : BaseMap(from: state.chunks, starts: state.layout.starts, to: numbers)
        let baseSides = !isSelfContained && isSame ? state.sides : nil
        var offset = columnOffset
        guard prefix.fits(series: layout.seriesCount),
            heldValues - state.values.count + layout.seriesCount <= mostHeldValues,
            let values = column(payload, &offset, layout.starts, state.values, bases)
        else { return .failure(Refusal(what: .content)) }
        let sidesOffset = offset
        var sides = FrameSides()
        if header.flags & RecordHeader.hasSides != 0 {
            guard
                let read = FrameSides(
                    payload, &offset, base: baseSides, timestampMs: prefix.timestampMs, values: values)
            else { return .failure(Refusal(what: .content)) }
            sides = read
        }
        let frame = Frame(
            target: state.target, layout: layout, timestampMs: prefix.timestampMs, values: values,
            explicitTimestamps: prefix.explicitTimestamps, absent: prefix.absent, departed: departed,
            histograms: sides.histograms, exemplars: sides.exemplars, startTimestamps: sides.starts)
        guard offset == payload.count, frame.contradiction == nil else {
            return .failure(Refusal(what: .content))
        }
        state.sequence = prefix.sequence &+ 1  // A file may say anything; no writer counts so far.
        state.layoutNumber = prefix.layout
        state.chunks = numbers
        state.layout = layout
        heldValues += values.count - state.values.count
        state.values = values
        state.sides = sides
        density[.frameRecords] += UInt64(header.recordBytes - payload.count)
        density[.framePrefixes] += UInt64(columnOffset)
        let part: BufferDensity.Part = isSelfContained ? .firstColumns : .columns
        density[part] += UInt64(sidesOffset - columnOffset)
        density[.sides] += UInt64(offset - sidesOffset)
        density.samples += UInt64(frame.sampleCount)
        return .success(frame)
    }

    /// nil where a chunk is lost, or there are too many series.
    private func layout(of numbers: [UInt32]) -> Layout? {
        var list: [LayoutChunk] = []
        list.reserveCapacity(numbers.count)
        var series = 0
        for number in numbers {
            guard let chunk = chunks[number] else { return nil }
            series += chunk.seriesCount
            guard series <= StatementCoding.maxSeries else { return nil }
            list.append(chunk)
        }
        return Layout(list)
    }

    /// The values of a column, read chunk by chunk, so that the bytes of each are known.
    private mutating func column(
        _ payload: Span<UInt8>, _ offset: inout Int, _ starts: [UInt32], _ base: [Double], _ bases: BaseMap
    ) -> [Double]? {
        var values: [Double] = []
        values.reserveCapacity(Int(starts[starts.count - 1]))
        for chunk in 0..<starts.count - 1 {
            let count = Int(starts[chunk + 1] - starts[chunk])
            let first = bases.start(of: chunk, starts: starts)
            let start = offset
            guard first < 0 || first + count <= base.count, start < payload.count,
                let mode = BufferDensity.Mode(rawValue: Int(payload[start])),
                let read = ColumnCodec.decode(
                    payload, &offset, starts: [0, UInt32(count)],
                    base: first < 0 ? [] : Array(base[first..<first + count]),
                    bases: first < 0 ? .none : .same)
            else { return nil }
            values += read
            var column = density[mode]
            column.chunks += 1
            column.values += UInt64(count)
            column.bytes += UInt64(offset - start)
            var changed = count
            if mode == .marked || mode == .windows {
                let bitmap = (count + 7) / 8
                changed = (start + 1..<start + 1 + bitmap).reduce(0) { $0 + payload[$1].nonzeroBitCount }
                column.bitmapBytes += UInt64(bitmap)
            }
            if mode.rawValue >= BufferDensity.Mode.windows.rawValue {
                column.codeBytes += UInt64((changed + 1) / 2)
            }
            density.modes[mode.rawValue] = column
        }
        return values
    }
}
