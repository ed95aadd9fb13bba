internal import MetricModel
internal import Platform

/// Reads frames in the order of the log: walks the segments from the one that it stands in, and decodes the
/// columns or takes the frames from the appender.
struct FrameReader: Sendable {
    /// What the reader has of a target.
    private struct TargetState: Sendable {
        let target: Target
        /// Frames of the target seen; the next must say so. nil: its base is lost until a frame that needs
        /// none.
        var sequence: UInt32? = 0
        var layoutChunks: [UInt32] = []
        var layout = Layout([])
        var layoutNumber: UInt32?
        var values: [Double] = []
        var sides = FrameSides()
        /// What the base takes, where nobody else has its arrays.
        var ownBytes = 0
    }

    /// Given, the reader says how many samples frames hold instead of handing them out, and ends with this
    /// segment.
    private let countingThrough: UInt64?
    private let isLastLook: Bool
    let catalog: SegmentCatalog
    private let files: any FileDoor
    let metrics: BufferMetrics
    private let clock: any AgentClock

    private(set) var segment: SegmentReader?
    /// In its place where the segment is in memory alone.
    private var walk: MemoryWalk?
    /// Frames in memory before this place were dropped, or are about to be, and are not handed out.
    private(set) var memoryFrom = BufferPosition.start(of: 0)
    /// By their numbers in the segment. One whose statement is damaged is not there.
    private var targets: [UInt32: TargetState] = [:]
    private var statements: StatedLayouts
    private let interner: LayoutInterner
    /// Samples met in this segment, for what damage took.
    var met = MetSamples()
    /// Where frames begin to be handed out.
    private(set) var position: BufferPosition
    /// What behind that is answered for, and not handed out; nor are frames without a sample.
    private let places: AnsweredPlaces
    /// Given, frames that the appender has just written are taken from there; and the number this reader has
    /// there.
    var recent: (frames: RecentFrames, reader: Int)?
    /// What the bases of the targets' next frames take, but those that the appender has as well.
    private var baseBytes = 0
    private var undecoded = UndecodedFrames()

    /// `isLastLook`: the segment is about to be removed, so what cannot be read counts as damaged.
    init(
        from position: BufferPosition, places: AnsweredPlaces, countingThrough: UInt64?, isLastLook: Bool,
        catalog: SegmentCatalog, interner: LayoutInterner, files: any FileDoor, metrics: BufferMetrics,
        clock: any AgentClock
    ) {
        self.position = position
        self.places = places
        self.countingThrough = countingThrough
        self.isLastLook = isLastLook
        self.catalog = catalog
        self.interner = interner
        self.files = files
        self.metrics = metrics
        self.clock = clock
        statements = StatedLayouts(interner)
    }

    /// The next frame, or what is lost before it. After a throw nothing has moved: the next
    /// call begins with the record that could not be read.
    mutating func next() throws(BufferError) -> Found {
        while true {
            if let countingThrough, position.segment > countingThrough { return .nothing }
            if segment == nil, walk == nil, try !open() { return .nothing }
            if walk != nil {
                if let found = nextInMemory() { return found }
                continue
            }
            try segment?.refresh()
            guard let item = try segment?.next() else { return .nothing }
            switch item {
            case .end:
                undecoded.tell(metrics)
                if let found = leave(segment?.info, met: met.jobs) { return found }
            case .damage(let at, let end): segment?.damaged(at: at, bytes: end - at)
            case .record(let header, let at):
                let found = try take(header, at: at)
                segment?.done()
                if let found { return found }
            }
        }
    }

    /// Goes on with the segment behind one that was read to its end; nil where nothing is missing between.
    private mutating func leave(_ current: SegmentInfo?, met: [String: UInt64]) -> Found? {
        guard let current, !current.isActive, let following = catalog.first(from: current.number + 1) else {
            return .nothing
        }
        let start = BufferPosition.start(of: following.number)
        let lost = position < start ? missing(after: current, met, at: following) : [:]
        close()
        position = max(position, start)
        return lost.isEmpty ? nil : .lost(lost, at: start)
    }

    /// As `next`, in a segment in memory; nil where it is to go on.
    private mutating func nextInMemory() -> Found? {
        let segments = catalog
        guard case .frame(let entry, let here) = walk?.next(segments) else {
            if let read = walk, let now = segments[read.info.number], now.memory == nil {
                let end = BufferPosition(segment: now.number, offset: read.length)
                if position >= end { return leave(now, met: read.jobSamples) }
                // They were written down: it goes on in the file, where they have the same places.
                close()
                return nil
            }
            return leave(walk?.info, met: walk?.jobSamples ?? [:])
        }
        let end = BufferPosition(segment: here.segment, offset: here.offset + 1)
        let (frame, target) = (entry.frame, entry.frame.target)
        let start = here < position && position < end ? position : here
        let prefix = FramePrefix(
            sequence: 0, layout: 0, timestampMs: frame.timestampMs, jobBefore: 0,
            sampleCount: UInt32(clamping: frame.sampleCount))
        if countingThrough == nil {
            let record = here.offset..<end.offset
            return give(
                frame, of: target, prefix, start, end, [:], in: record, appendedNs: entry.appendedNs)
        }
        return counted(prefix, of: target, start, end, [:])
    }

    /// Lets the file go.
    mutating func close() {
        undecoded.tell(metrics)
        segment?.close()
        segment = nil
        walk = nil
        targets = [:]
        statements = StatedLayouts(interner)
        met = MetSamples()
        baseBytes = 0
    }

    /// What it holds in memory that nobody else does: bases, and the chunks of layouts with their metadata.
    var ownBytes: Int { baseBytes + statements.ownBytes }

    /// What it holds of the file: the window's bytes and the places of statements, all of one segment.
    var footprint: (windowBytes: Int, places: Int) {
        (segment?.windowBytes ?? 0, targets.count + statements.count)
    }

    /// Goes on from a later place: retention took what was there.
    mutating func skip(to place: BufferPosition) {
        guard place > position else { return }
        if place.segment != segment?.info.number { close() }
        position = place
    }

    /// Passes the frames in memory before `place`: they are counted as dropped.
    mutating func passMemory(before place: BufferPosition) {
        memoryFrom = max(memoryFrom, place)
        walk?.pass(before: memoryFrom)
    }

    private mutating func open() throws(BufferError) -> Bool {
        guard let info = catalog.first(from: position.segment) else { return false }
        if let memory = info.memory {
            walk = MemoryWalk(info, memory, from: position)
            walk?.pass(before: memoryFrom)
        } else {
            segment = try SegmentReader(
                info, isLastLook: isLastLook, catalog: catalog, files: files, metrics: metrics, clock: clock)
        }
        if info.number > position.segment { position = .start(of: info.number) }
        // What was dropped before the segment was written down is not handed out from the file, either.
        if info.hasPlaces, memoryFrom.segment == info.number { position = max(position, memoryFrom) }
        return true
    }

    private mutating func take(_ header: RecordHeader, at place: UInt64) throws(BufferError) -> Found? {
        switch header.type {
        case .chunk: statements.note(chunk: header, at: place)
        case .layout: statements.note(layout: header, at: place)
        case .metadata: statements.note(metadata: header, at: place)
        case .target: try takeTarget(header, at: place)
        case .frame: return try takeFrame(header, at: place)
        case .ledger: try takeLedger(header, at: place)
        case .snapshot, .progress, .indexed: break
        }
        return nil
    }

    private mutating func takeLedger(_ header: RecordHeader, at place: UInt64) throws(BufferError) {
        let isSecond = met.isSecond(at: place, bytes: UInt64(header.recordBytes))
        guard isSecond, let info = segment?.info, info.hasPlaces else {
            segment?.checkLedger(header, at: place)
            return
        }
        guard let (bytes, range) = try segment?.payload(header, at: place) else { return }
        guard let books = LedgerRecord(bytes.span.extracting(range)) else {
            segment?.damaged(at: place, bytes: UInt64(header.recordBytes))
            return
        }
        met.pass(books, before: info.before)
    }

    private mutating func takeTarget(_ header: RecordHeader, at place: UInt64) throws(BufferError) {
        guard let (bytes, range) = try segment?.payload(header, at: place),
            let target = StatementCoding.target(bytes.span.extracting(range))
        else {
            targets[header.subject] = nil
            return
        }
        baseBytes -= targets[header.subject]?.ownBytes ?? 0
        targets[header.subject] = TargetState(target: target)
    }

    /// Everything is read before anything is changed.
    private mutating func takeFrame(_ header: RecordHeader, at place: UInt64) throws(BufferError) -> Found? {
        // Without its target a frame is missed later, by the books of its job.
        guard var state = targets[header.subject] else { return nil }
        if let found = takeRecent(header, at: place, state) { return found }
        guard let (prefix, columnOffset) = try prefix(header, at: place) else {
            targets[header.subject]?.sequence = nil
            return nil
        }
        // In memory a frame took one byte of the log.
        let end = BufferPosition(
            segment: segment?.info.number ?? 0,
            offset: prefix.place.map { $0 + 1 } ?? place + UInt64(header.recordBytes))
        let here = BufferPosition(segment: end.segment, offset: prefix.place ?? place)
        let start = here < position && position < end ? position : here
        if countingThrough == nil {
            let frame = try decode(header, prefix, columnOffset, at: place, &state)
            targets[header.subject] = state
            let lost = count(prefix, of: state.target.job)
            let record = place..<place + UInt64(header.recordBytes)
            return give(frame, of: state.target, prefix, start, end, lost, in: record)
        }
        return counted(prefix, of: state.target, start, end, count(prefix, of: state.target.job))
    }

    private mutating func counted(
        _ prefix: FramePrefix, of target: Target, _ start: BufferPosition, _ end: BufferPosition,
        _ lost: [String: UInt64]
    ) -> Found? {
        guard end > position else { return nil }
        position = end
        let samples = open(prefix, of: target, start, end).reduce(0) { $0 + $1.count }
        return .counted(job: target.job, samples: UInt64(samples), lost: lost, at: end)
    }

    /// As `takeFrame`, where the appender has just written the frame; nil when it must be read.
    private mutating func takeRecent(_ header: RecordHeader, at place: UInt64, _ before: TargetState)
        -> Found??
    {
        guard let recent, let segment else { return nil }
        let end = BufferPosition(
            segment: segment.info.number, offset: place + UInt64(header.recordBytes))
        guard end > position, let known = recent.frames.take(recent.reader, endingAt: end) else { return nil }
        var state = before
        baseBytes -= state.ownBytes
        state.ownBytes = 0
        state.sequence = known.prefix.sequence &+ 1  // As in `decode`.
        state.layoutNumber = known.prefix.layout
        state.layoutChunks = known.chunks
        state.layout = known.frame.layout
        state.values = known.frame.values
        state.sides = FrameSides(known.frame)
        targets[header.subject] = state
        let here = BufferPosition(segment: end.segment, offset: place)
        let lost = count(known.prefix, of: state.target.job)
        return give(
            known.frame, of: state.target, known.prefix, max(here, position), end, lost,
            in: place..<end.offset, appendedNs: known.appendedNs)
    }

    /// Hands out a frame, unless all of it is answered for. A nil frame could not be decoded: its samples are
    /// reported as lost. `record`: its bytes in the file.
    private mutating func give(
        _ frame: Frame?, of target: Target, _ prefix: FramePrefix, _ start: BufferPosition,
        _ end: BufferPosition, _ lost: [String: UInt64], in record: Range<UInt64>,
        appendedNs: UInt64? = nil
    ) -> Found? {
        guard end > position else { return nil }
        position = end
        let open = open(prefix, of: target, start, end)
        if let frame {
            guard !open.isEmpty else { return lost.isEmpty ? nil : .lost(lost, at: end) }
            var stored = StoredFrame(frame: frame, start: start, end: end, open: open)
            stored.appendedNs = appendedNs
            return .frame(stored, lost: lost)
        }
        // Intact but without its base.
        let own = UInt64(open.reduce(0) { $0 + $1.count })
        let place = BufferPosition(segment: start.segment, offset: record.lowerBound)
        if metrics.countDamage(at: place, bytes: UInt64(record.count)) {
            undecoded.add(place, job: target.job, samples: own)
        }
        return .lost(lost.merging([target.job: own], uniquingKeysWith: SampleCount.sum), at: end)
    }

    private func open(
        _ prefix: FramePrefix, of target: Target, _ start: BufferPosition, _ end: BufferPosition
    ) -> [Range<Int>] {
        places.open(target: target.id, from: start, to: end, samples: Int(prefix.sampleCount))
    }

    /// A frame's prefix and where in its payload the column begins; nil when it is damaged.
    private mutating func prefix(
        _ header: RecordHeader, at place: UInt64
    ) throws(BufferError) -> (FramePrefix, columnOffset: Int)? {
        guard let (bytes, range) = try segment?.payload(header, at: place) else { return nil }
        var offset = 0
        let hasPlace = segment?.info.hasPlaces ?? false
        guard let prefix = FramePrefix(bytes.span.extracting(range), &offset, hasPlace: hasPlace) else {
            segment?.damaged(at: place, bytes: UInt64(header.recordBytes))
            return nil
        }
        return (prefix, offset)
    }

    /// Decodes a frame and makes it the base of the target's next; nil when its base or layout is lost.
    private mutating func decode(
        _ header: RecordHeader, _ prefix: FramePrefix, _ columnOffset: Int, at place: UInt64,
        _ state: inout TargetState
    ) throws(BufferError) -> Frame? {
        let isSelfContained = header.flags & RecordHeader.selfContained != 0
        let hasBase = isSelfContained || state.sequence == prefix.sequence
        // Until a frame comes that needs none, the base is lost.
        state.sequence = nil
        guard hasBase, let (numbers, layout) = try statements.layout(prefix.layout, in: &segment),
            prefix.fits(series: layout.seriesCount)
        else { return nil }
        var departed: [Frame.Departed] = []
        for group in prefix.departed {
            guard let chunk = try statements.chunk(group.chunk, in: &segment),
                group.series.last.map({ Int($0) < chunk.seriesCount }) ?? true
            else { return nil }
            departed.append(Frame.Departed(chunk: chunk, series: group.series))
        }
        let bases: BaseMap =
            isSelfContained
            ? .none : BaseMap(from: state.layoutChunks, starts: state.layout.starts, to: numbers)
        let hasBaseLayout = !isSelfContained && state.layoutNumber == prefix.layout
        // What was stated elsewhere may have moved the window away from the frame and back.
        guard
            let (values, sides) = try column(
                header, columnOffset, at: place, layout, state.values, bases,
                hasBaseLayout ? state.sides : nil, timestampMs: prefix.timestampMs)
        else { return nil }
        let frame = Frame(
            target: state.target, layout: layout, timestampMs: prefix.timestampMs, values: values,
            explicitTimestamps: prefix.explicitTimestamps, absent: prefix.absent, departed: departed,
            histograms: sides.histograms, exemplars: sides.exemplars, startTimestamps: sides.starts)
        // What no writer writes is damage, however good its checksum.
        guard frame.contradiction == nil else { return nil }
        state.sequence = prefix.sequence &+ 1  // A file may say anything; no writer counts so far.
        state.layoutNumber = prefix.layout
        state.layoutChunks = numbers
        state.layout = layout
        state.values = values
        state.sides = sides
        baseBytes -= state.ownBytes
        state.ownBytes = HeldBytes.of(values, sides)
        baseBytes += state.ownBytes
        return frame
    }

    private mutating func column(
        _ header: RecordHeader, _ columnOffset: Int, at place: UInt64, _ layout: Layout, _ base: [Double],
        _ bases: BaseMap, _ baseSides: FrameSides?, timestampMs: Int64
    ) throws(BufferError) -> ([Double], FrameSides)? {
        // Checked a moment ago; only its place in the window is asked for.
        guard let (bytes, range) = try segment?.payload(header, at: place, isChecked: true) else {
            return nil
        }
        var offset = columnOffset
        guard
            let values = ColumnCodec.decode(
                bytes.span.extracting(range), &offset, starts: layout.starts, base: base, bases: bases)
        else { return nil }
        var sides = FrameSides()
        if header.flags & RecordHeader.hasSides != 0 {
            guard
                let read = FrameSides(
                    bytes.span.extracting(range), &offset, base: baseSides, timestampMs: timestampMs,
                    values: values)
            else { return nil }
            sides = read
        }
        return offset == range.count ? (values, sides) : nil
    }
}
