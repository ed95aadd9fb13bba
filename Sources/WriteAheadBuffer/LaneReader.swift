internal import MetricModel
internal import Platform

/// Reads one lane's frames: walks the segments from the one the lane stands in, decodes the columns of the
/// lane's own targets and steps over the rest.
struct LaneReader: Sendable {
    /// What the reader has of a target of its own lane.
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
    }

    private enum TargetEntry: Sendable {
        case own(TargetState)
        case foreign(job: String)
        /// The statement was damaged.
        case unknown
    }

    /// What one call found.
    enum Found: Sendable {
        /// With it, by job, samples before it that are in the ledger and cannot be read.
        case frame(StoredFrame, lost: [String: UInt64])
        /// Samples of a job that can be read, up to `at`: a counting reader's frame.
        case counted(job: String, samples: UInt64, lost: [String: UInt64], at: BufferPosition)
        /// Samples that are in the ledger and cannot be read, by job. What shows it ends at `at`: they are
        /// booked once a cursor stands there or behind, and found again by a reader that begins before.
        case lost([String: UInt64], at: BufferPosition)
        /// The tail.
        case nothing
    }

    let lane: Int
    let laneCount: UInt64
    /// Given, the reader says how many samples frames hold instead of handing them out, and ends with this
    /// segment.
    private let countingThrough: UInt64?
    private let catalog: SegmentCatalog
    private let interner: LayoutInterner
    private let files: any FileDoor
    private let metrics: BufferMetrics

    private var segment: SegmentInfo?
    private var file: OpenFile?
    private var scanner: RecordScanner?
    private var targets: [UInt32: TargetEntry] = [:]
    /// Where chunks and layouts are stated; read when a frame needs them.
    private var chunkPlaces: [UInt32: (RecordHeader, UInt64)] = [:]
    private var layoutPlaces: [UInt32: (RecordHeader, UInt64)] = [:]
    private var chunks: [UInt32: LayoutChunk] = [:]
    private var layouts: [UInt32: ([UInt32], Layout)] = [:]
    /// Samples of each job met in this segment, for what damage took. Kept by lane 0 alone.
    private var jobSamples: [String: UInt64] = [:]
    /// Where frames begin to be handed out.
    private(set) var position: BufferPosition

    init(
        lane: Int, laneCount: Int, from position: BufferPosition, countingThrough: UInt64?,
        catalog: SegmentCatalog,
        interner: LayoutInterner, files: any FileDoor, metrics: BufferMetrics
    ) {
        self.lane = lane
        self.laneCount = UInt64(laneCount)
        self.position = position
        self.countingThrough = countingThrough
        self.catalog = catalog
        self.interner = interner
        self.files = files
        self.metrics = metrics
    }

    /// The next frame of the lane, or what is lost before it.
    mutating func next() throws(BufferError) -> Found {
        while true {
            if let countingThrough, position.segment > countingThrough { return .nothing }
            if segment == nil, try !open() { return .nothing }
            guard var current = segment else { return .nothing }
            // The length grows while the segment is active; what is read is never behind it. A segment that
            // is gone from the catalog was ended, and answered for, before.
            if let fresh = catalog[current.number] { current = fresh } else { current.isActive = false }
            segment = current
            switch try step(current) {
            case .end:
                guard !current.isActive, let following = catalog.first(from: current.number + 1) else {
                    return .nothing
                }
                let start = BufferPosition.start(of: following.number)
                let lost = position < start ? missing(at: following) : [:]
                close()
                position = max(position, start)
                if !lost.isEmpty { return .lost(lost, at: start) }
            case .damage(let at, let end):
                metrics.damaged(segment: current.number, offset: at, bytes: end - at)
            case .record(let header, let at):
                if let found = try take(header, at: at, in: current) { return found }
            }
        }
    }

    /// The walk is changed in its place: a copy would copy the window with it.
    private mutating func step(_ segment: SegmentInfo) throws(BufferError) -> RecordScanner.Item {
        do throws(FileError) {
            return try scanner?.next(limit: segment.length) ?? .end(at: 0)
        } catch {
            throw .io("a segment cannot be read", error, segment: segment.number, offset: scanner?.offset)
        }
    }

    /// Lets the file go.
    mutating func close() {
        // Only read from: nothing is lost if the close fails.
        if let file { try? files.close(file) }
        file = nil
        segment = nil
        scanner = nil
        targets = [:]
        chunkPlaces = [:]
        layoutPlaces = [:]
        chunks = [:]
        layouts = [:]
        jobSamples = [:]
    }

    /// What it holds of the file: the window's bytes and the places of statements, all of one segment.
    var footprint: (windowBytes: Int, places: Int) {
        (scanner?.bytes.count ?? 0, targets.count + chunkPlaces.count + layoutPlaces.count)
    }

    /// Goes on from a later place: retention took what was there.
    mutating func skip(to place: BufferPosition) {
        guard place > position else { return }
        if place.segment != segment?.number { close() }
        position = place
    }

    private mutating func open() throws(BufferError) -> Bool {
        guard let info = catalog.first(from: position.segment) else { return false }
        do throws(FileError) {
            file = try files.open(info.path, .read)
        } catch {
            throw .io("a segment cannot be opened", error, segment: info.number)
        }
        guard let file else { return false }
        if info.number > position.segment { position = .start(of: info.number) }
        segment = info
        scanner = RecordScanner(RecordWindow(file, files: files), salt: info.salt)
        return true
    }

    private mutating func take(
        _ header: RecordHeader, at place: UInt64, in segment: SegmentInfo
    ) throws(BufferError) -> Found? {
        switch header.type {
        case .chunk: chunkPlaces[header.subject] = (header, place)
        case .layout: layoutPlaces[header.subject] = (header, place)
        case .target: try takeTarget(header, at: place, in: segment)
        case .frame: return try takeFrame(header, at: place, in: segment)
        case .ledger, .snapshot, .progress: break
        }
        return nil
    }

    private mutating func takeTarget(
        _ header: RecordHeader, at place: UInt64, in segment: SegmentInfo
    ) throws(BufferError) {
        guard let (bytes, range) = try payload(header, at: place, in: segment),
            let target = StatementCoding.target(bytes.span.extracting(range))
        else {
            targets[header.subject] = .unknown
            return
        }
        targets[header.subject] =
            target.id % laneCount == UInt64(lane)
            ? .own(TargetState(target: target)) : .foreign(job: target.job)
    }

    private mutating func takeFrame(
        _ header: RecordHeader, at place: UInt64, in segment: SegmentInfo
    ) throws(BufferError) -> Found? {
        let entry = targets[header.subject] ?? .unknown
        // Lane 0 keeps count of every job, so that what damage took is booked once.
        if case .own = entry {} else if lane != 0 { return nil }
        guard let prefix = try prefix(header, at: place, in: segment) else {
            if case .own(var state) = entry {
                state.sequence = nil
                targets[header.subject] = .own(state)
            }
            return nil
        }
        let end = BufferPosition(segment: segment.number, offset: place + UInt64(header.recordBytes))
        switch entry {
        case .unknown: return nil
        case .foreign(let job):
            let lost = count(prefix.0, of: job)
            return lost.isEmpty || end <= position ? nil : .lost(lost, at: end)
        case .own(var state):
            let lost = lane == 0 ? count(prefix.0, of: state.target.job) : [:]
            targets[header.subject] = .unknown
            defer { targets[header.subject] = .own(state) }
            return try takeOwn(header, prefix, at: place, end: end, &state, lost, in: segment)
        }
    }

    private mutating func takeOwn(
        _ header: RecordHeader, _ prefix: (FramePrefix, columnOffset: Int), at place: UInt64,
        end: BufferPosition,
        _ state: inout TargetState, _ lost: [String: UInt64], in segment: SegmentInfo
    ) throws(BufferError) -> Found? {
        let here = BufferPosition(segment: segment.number, offset: place)
        let start = here < position && position < end ? position : here
        if countingThrough != nil {
            guard end > position else { return nil }
            position = end
            let samples = prefix.0.sampleCount - min(start.sample, prefix.0.sampleCount)
            return .counted(job: state.target.job, samples: UInt64(samples), lost: lost, at: end)
        }
        let frame = try decode(header, prefix.0, prefix.columnOffset, at: place, &state, in: segment)
        guard end > position else { return nil }
        position = end
        if let frame { return .frame(StoredFrame(frame: frame, start: start, end: end), lost: lost) }
        metrics.damaged(segment: segment.number, offset: place, bytes: UInt64(header.recordBytes))
        // Intact but without its base: this lane's loss.
        let samples = prefix.0.sampleCount - min(start.sample, prefix.0.sampleCount)
        let own = [state.target.job: UInt64(samples)]
        return .lost(lost.merging(own, uniquingKeysWith: SampleCount.sum), at: end)
    }

    /// A frame's prefix and where in its payload the column begins; nil when it is damaged.
    private mutating func prefix(
        _ header: RecordHeader, at place: UInt64, in segment: SegmentInfo
    ) throws(BufferError) -> (FramePrefix, columnOffset: Int)? {
        guard let (bytes, range) = try payload(header, at: place, in: segment) else { return nil }
        var offset = 0
        guard let prefix = FramePrefix(bytes.span.extracting(range), &offset) else {
            metrics.damaged(segment: segment.number, offset: place, bytes: UInt64(header.recordBytes))
            return nil
        }
        return (prefix, offset)
    }

    /// Decodes a frame of the lane's own and makes it the base of the next; nil when its base or layout is
    /// lost.
    private mutating func decode(
        _ header: RecordHeader, _ prefix: FramePrefix, _ columnOffset: Int, at place: UInt64,
        _ state: inout TargetState, in segment: SegmentInfo
    ) throws(BufferError) -> Frame? {
        let isSelfContained = header.flags & RecordHeader.selfContained != 0
        let hasBase = isSelfContained || state.sequence == prefix.sequence
        // Until a frame comes that needs none, the base is lost.
        state.sequence = nil
        guard hasBase, let (numbers, layout) = try layout(prefix.layout, in: segment),
            prefix.fits(series: layout.seriesCount)
        else { return nil }
        var departed: [Frame.Departed] = []
        for group in prefix.departed {
            guard let chunk = try chunk(group.chunk, in: segment),
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
                hasBaseLayout ? state.sides : nil, timestampMs: prefix.timestampMs, in: segment)
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
        return frame
    }

    private mutating func column(
        _ header: RecordHeader, _ columnOffset: Int, at place: UInt64, _ layout: Layout, _ base: [Double],
        _ bases: BaseMap, _ baseSides: FrameSides?, timestampMs: Int64, in segment: SegmentInfo
    ) throws(BufferError) -> ([Double], FrameSides)? {
        // Checked a moment ago; only its place in the window is asked for.
        guard let (bytes, range) = try payload(header, at: place, in: segment, isChecked: true) else {
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

    private mutating func layout(
        _ number: UInt32, in segment: SegmentInfo
    ) throws(BufferError) -> ([UInt32], Layout)? {
        if let known = layouts[number] { return known }
        guard let (header, place) = layoutPlaces[number],
            let (bytes, range) = try payload(header, at: place, in: segment),
            let numbers = StatementCoding.layout(bytes.span.extracting(range))
        else { return nil }
        var list: [LayoutChunk] = []
        list.reserveCapacity(numbers.count)
        var seriesCount = 0
        for number in numbers {
            guard let chunk = try chunk(number, in: segment) else { return nil }
            seriesCount += chunk.seriesCount
            guard seriesCount <= StatementCoding.maxSeries else { return nil }
            list.append(chunk)
        }
        let layout = Layout(list)
        layouts[number] = (numbers, layout)
        return (numbers, layout)
    }

    private mutating func chunk(_ number: UInt32, in segment: SegmentInfo) throws(BufferError) -> LayoutChunk?
    {
        if let known = chunks[number] { return known }
        guard let (header, place) = chunkPlaces[number],
            let (bytes, range) = try payload(header, at: place, in: segment),
            let chunk = StatementCoding.chunk(bytes.span.extracting(range), flags: header.flags)
        else { return nil }
        // The object that scraping uses, where it does.
        let shared = interner.intern(chunk)
        chunks[number] = shared
        return shared
    }

    /// A record's payload, where it stands in the window; nil, and counted, when it is damaged. Let the array
    /// go before anything else is read: a window in two hands is copied.
    private mutating func payload(
        _ header: RecordHeader, at place: UInt64, in segment: SegmentInfo, isChecked: Bool = false
    ) throws(BufferError) -> ([UInt8], Range<Int>)? {
        let range: Range<Int>?
        do throws(FileError) {
            range =
                isChecked
                ? try scanner?.checkedPayload(header, at: place, limit: segment.length)
                : try scanner?.payload(header, at: place, limit: segment.length)
        } catch {
            throw .io("a segment cannot be read", error, segment: segment.number, offset: place)
        }
        guard let range, let bytes = scanner?.bytes else {
            metrics.damaged(segment: segment.number, offset: place, bytes: UInt64(header.recordBytes))
            return nil
        }
        return (bytes, range)
    }

    /// Counts a frame of `job`; returns what is missing before it.
    private mutating func count(_ prefix: FramePrefix, of job: String) -> [String: UInt64] {
        let met = jobSamples[job] ?? 0
        jobSamples[job] = prefix.jobBefore + UInt64(prefix.sampleCount)
        return prefix.jobBefore > met ? [job: prefix.jobBefore - met] : [:]
    }

    /// What the segment at its end has lost, by the books that the following one begins with; also what stood
    /// in segments between the two that cannot be read at all.
    private func missing(at following: SegmentInfo) -> [String: UInt64] {
        guard lane == 0, let segment else { return [:] }
        var lost: [String: UInt64] = [:]
        for (job, total) in following.before {
            let held = total.appended - min(total.appended, segment.before[job]?.appended ?? 0)
            let met = jobSamples[job] ?? 0
            if held > met { lost[job] = held - met }
        }
        return lost
    }
}
