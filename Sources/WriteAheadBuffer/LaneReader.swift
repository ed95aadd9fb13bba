internal import MetricModel
internal import Platform

/// Reads one lane's frames: walks the segments from the one the lane stands in, decodes the columns of the lane's own
/// targets and steps over the rest.
struct LaneReader: Sendable {
    /// What the reader has of a target of its own lane.
    private struct TargetState: Sendable {
        let target: Target
        /// Frames of the target seen; the next must say so. nil: its base is lost until a frame that needs none.
        var sequence: UInt32? = 0
        var layoutChunks: [UInt32] = []
        var layout = Layout([])
        var layoutNumber: UInt32?
        var values: [Double] = []
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
        /// Samples that are in the ledger and cannot be read, by job; they end at or before `at`.
        case lost([String: UInt64], at: BufferPosition)
        /// The tail.
        case nothing
    }

    let lane: Int
    let laneCount: UInt64
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
        lane: Int, laneCount: Int, from position: BufferPosition, catalog: SegmentCatalog,
        interner: LayoutInterner, files: any FileDoor, metrics: BufferMetrics
    ) {
        self.lane = lane
        self.laneCount = UInt64(laneCount)
        self.position = position
        self.catalog = catalog
        self.interner = interner
        self.files = files
        self.metrics = metrics
    }

    /// The next frame of the lane, or what is lost before it.
    mutating func next() throws(BufferError) -> Found {
        while true {
            if segment == nil, try !open() { return .nothing }
            guard var current = segment, var scanner else { return .nothing }
            self.scanner = nil
            // The length grows while the segment is active; what is read is never behind it.
            if let fresh = catalog[current.number] { current = fresh }
            let wasAtEnd = scanner.offset >= (segment?.length ?? 0)
            if wasAtEnd, current.length > scanner.offset { scanner.refresh() }
            segment = current
            let item: RecordScanner.Item
            do throws(FileError) {
                item = try scanner.next(limit: current.length)
            } catch {
                throw .io("a segment cannot be read", error, segment: current.number, offset: scanner.offset)
            }
            self.scanner = scanner
            switch item {
            case .end:
                guard let following = catalog.first(from: current.number + 1), !current.isActive else {
                    return .nothing
                }
                let lost = missing(at: following)
                close()
                let behind = max(position, .start(of: following.number))
                let counts = position <= .start(of: following.number) ? lost : [:]
                position = behind
                if !counts.isEmpty { return .lost(counts, at: behind) }
            case .damage(let at, let end):
                metrics.damaged(segment: current.number, offset: at, bytes: end - at)
            case .record(let header, let at):
                if let found = try take(header, at: at, in: current) { return found }
            }
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
        guard let bytes = try payload(header, at: place, in: segment),
            let id = StatementCoding.targetID(bytes.span), let target = StatementCoding.target(bytes.span)
        else {
            targets[header.subject] = .unknown
            return
        }
        targets[header.subject] =
            id % laneCount == UInt64(lane) ? .own(TargetState(target: target)) : .foreign(job: target.job)
    }

    private mutating func takeFrame(
        _ header: RecordHeader, at place: UInt64, in segment: SegmentInfo
    ) throws(BufferError) -> Found? {
        let entry = targets[header.subject] ?? .unknown
        // Lane 0 keeps count of every job, so that what damage took is booked once.
        if case .own = entry {} else if lane != 0 { return nil }
        guard let bytes = try payload(header, at: place, in: segment) else {
            if case .own(var state) = entry {
                state.sequence = nil
                targets[header.subject] = .own(state)
            }
            return nil
        }
        var offset = 0
        guard let prefix = FramePrefix(bytes.span, &offset) else {
            metrics.damaged(segment: segment.number, offset: place, bytes: UInt64(header.recordBytes))
            return nil
        }
        let here = BufferPosition(segment: segment.number, offset: place)
        var lost: [String: UInt64] = [:]
        switch entry {
        case .unknown: return nil
        case .foreign(let job): lost = count(prefix, of: job)
        case .own(var state):
            if lane == 0 { lost = count(prefix, of: state.target.job) }
            let frame = try decode(bytes, offset, prefix, header, &state, in: segment)
            targets[header.subject] = .own(state)
            let end = BufferPosition(segment: segment.number, offset: place + UInt64(header.recordBytes))
            guard let frame else {
                metrics.damaged(segment: segment.number, offset: place, bytes: UInt64(header.recordBytes))
                // Intact but without its base: this lane's loss.
                lost[state.target.job, default: 0] += UInt64(prefix.sampleCount)
                guard end > position else { return nil }
                position = end
                return .lost(lost, at: end)
            }
            guard end > position else { return nil }
            let start = position.segment == here.segment && position.offset == place ? position : here
            position = end
            return .frame(StoredFrame(frame: frame, start: start, end: end), lost: lost)
        }
        return lost.isEmpty || here < position ? nil : .lost(lost, at: here)
    }

    /// Decodes a frame of the lane's own and makes it the base of the next; nil when its base or layout is lost.
    private mutating func decode(
        _ bytes: [UInt8], _ columnOffset: Int, _ prefix: FramePrefix, _ header: RecordHeader,
        _ state: inout TargetState, in segment: SegmentInfo
    ) throws(BufferError) -> Frame? {
        let isSelfContained = header.flags & RecordHeader.selfContained != 0
        let hasBase = isSelfContained || state.sequence == prefix.sequence
        // Until a frame comes that needs none, the base is lost.
        state.sequence = nil
        guard hasBase, let (numbers, layout) = try layout(prefix.layout, in: segment),
            prefix.fits(series: layout.seriesCount)
        else { return nil }
        let bases: BaseMap =
            isSelfContained
            ? .none : BaseMap(from: state.layoutChunks, starts: state.layout.starts, to: numbers)
        var offset = columnOffset
        guard
            let values = ColumnCodec.decode(
                bytes.span, &offset, starts: layout.starts, base: state.values, bases: bases),
            offset == bytes.count
        else { return nil }
        var departed: [Frame.Departed] = []
        for group in prefix.departed {
            guard let chunk = try chunk(group.chunk, in: segment),
                group.series.last.map({ Int($0) < chunk.seriesCount }) ?? true
            else { return nil }
            departed.append(Frame.Departed(chunk: chunk, series: group.series))
        }
        state.sequence = prefix.sequence + 1
        state.layoutChunks = numbers
        state.layout = layout
        state.values = values
        return Frame(
            target: state.target, layout: layout, timestampMs: prefix.timestampMs, values: values,
            explicitTimestamps: prefix.explicitTimestamps, absent: prefix.absent, departed: departed)
    }

    private mutating func layout(
        _ number: UInt32, in segment: SegmentInfo
    ) throws(BufferError) -> ([UInt32], Layout)? {
        if let known = layouts[number] { return known }
        guard let (header, place) = layoutPlaces[number],
            let bytes = try payload(header, at: place, in: segment),
            let numbers = StatementCoding.layout(bytes.span)
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

    private mutating func chunk(_ number: UInt32, in segment: SegmentInfo) throws(BufferError) -> LayoutChunk? {
        if let known = chunks[number] { return known }
        guard let (header, place) = chunkPlaces[number],
            let bytes = try payload(header, at: place, in: segment),
            let chunk = StatementCoding.chunk(bytes.span)
        else { return nil }
        // The object that scraping uses, where it does.
        let shared = interner.intern(chunk)
        chunks[number] = shared
        return shared
    }

    /// A record's payload, copied; nil, and counted, when it is damaged.
    private mutating func payload(
        _ header: RecordHeader, at place: UInt64, in segment: SegmentInfo
    ) throws(BufferError) -> [UInt8]? {
        guard var scanner else { return nil }
        let range: Range<Int>?
        do throws(FileError) {
            range = try scanner.payload(header, at: place, limit: segment.length)
        } catch {
            throw .io("a segment cannot be read", error, segment: segment.number, offset: place)
        }
        let bytes = range.map { Array(scanner.bytes[$0]) }
        self.scanner = scanner
        if bytes == nil {
            metrics.damaged(segment: segment.number, offset: place, bytes: UInt64(header.recordBytes))
        }
        return bytes
    }

    /// Counts a frame of `job`; returns what is missing before it.
    private mutating func count(_ prefix: FramePrefix, of job: String) -> [String: UInt64] {
        let met = jobSamples[job] ?? 0
        jobSamples[job] = prefix.jobBefore + UInt64(prefix.sampleCount)
        return prefix.jobBefore > met ? [job: prefix.jobBefore - met] : [:]
    }

    /// What the segment at its end has lost, by the books that the following one begins with.
    private func missing(at following: SegmentInfo) -> [String: UInt64] {
        guard lane == 0, let segment, following.number == segment.number + 1 else { return [:] }
        var lost: [String: UInt64] = [:]
        for (job, total) in following.before {
            let held = total.appended - min(total.appended, segment.before[job]?.appended ?? 0)
            let met = jobSamples[job] ?? 0
            if held > met { lost[job] = held - met }
        }
        return lost
    }
}
