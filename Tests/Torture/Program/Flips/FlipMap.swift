import MetricModel
import Platform

@testable import WriteAheadBuffer

/// What stands where in the files of a buffer, and which frames need it.
struct FlipMap {
    struct Record {
        let range: Range<Int>
        let type: RecordType
        /// Frames that are lost with it, at most: by their numbers.
        var dependents: Set<Int> = []
        /// Jobs of which samples may be in nobody's books, when it is lost at the end of what was written.
        var uncountedJobs: Set<String> = []
    }

    /// By segment, its records in order.
    private(set) var records: [UInt64: [Record]] = [:]
    /// By segment, where each frame's record ends, by the frame's number.
    private(set) var frameEnds: [UInt64: [Int: Int]] = [:]

    /// Of a whole buffer, all of whose frames stand in `frames` at these places.
    init(_ files: [String: [UInt8]], _ frames: [BufferPosition: Int]) {
        for (path, bytes) in files {
            let name = String(path.dropFirst(FaultGround.directory.count + 1))
            guard let number = BufferFileName.segmentNumber(name), let header = FileHeader(bytes.span) else {
                continue
            }
            var segment = SegmentMap(number, frames)
            var place = FileHeader.sizeBytes
            while let header = RecordHeader(bytes.span, at: place, salt: header.salt) {
                let first = place + RecordHeader.sizeBytes
                let payload = bytes.span.extracting(first..<first + header.payloadBytes)
                segment.take(header, payload, at: place)
                place += header.recordBytes
            }
            records[number] = segment.finished
            frameEnds[number] = segment.frameEnds
        }
    }

    /// The record that a byte of a segment belongs to; nil for its header.
    func record(_ segment: UInt64, at byte: Int) -> Record? {
        records[segment]?.first { $0.range.contains(byte) }
    }

    /// Frames of a segment that do not end before a length.
    func frames(of segment: UInt64, notEndingBefore length: Int) -> Set<Int> {
        Set((frameEnds[segment] ?? [:]).filter { $0.value > length }.keys)
    }

    /// Whether a record begins, or the last one ends, at this length.
    func isBoundary(_ segment: UInt64, _ length: Int) -> Bool {
        records[segment]?.contains { $0.range.lowerBound == length || $0.range.upperBound == length } ?? false
    }
}

/// One segment, as it is read.
private struct SegmentMap {
    private let number: UInt64
    private let frames: [BufferPosition: Int]
    private var records: [FlipMap.Record] = []
    private(set) var frameEnds: [Int: Int] = [:]
    /// By the number of a target, a layout or a chunk, where it is stated.
    private var targets: [UInt32: Int] = [:]
    private var layouts: [UInt32: Int] = [:]
    private var chunks: [UInt32: Int] = [:]
    private var chunksOfLayout: [UInt32: [UInt32]] = [:]
    private var jobOfTarget: [UInt32: String] = [:]
    /// By target: the records that a frame from here on needs, its base's among them.
    private var needed: [UInt32: Set<Int>] = [:]
    /// By job, the target of its last frame, and that frame's record.
    private var last: [String: (target: UInt32, record: Int)] = [:]

    init(_ number: UInt64, _ frames: [BufferPosition: Int]) {
        self.number = number
        self.frames = frames
    }

    mutating func take(_ header: RecordHeader, _ payload: Span<UInt8>, at place: Int) {
        let index = records.count
        records.append(FlipMap.Record(range: place..<place + header.recordBytes, type: header.type))
        switch header.type {
        case .target:
            targets[header.subject] = index
            jobOfTarget[header.subject] = StatementCoding.target(payload)?.job
        case .layout:
            layouts[header.subject] = index
            chunksOfLayout[header.subject] = StatementCoding.layout(payload)
        case .chunk: chunks[header.subject] = index
        case .frame: takeFrame(header.subject, payload, index, at: place, end: place + header.recordBytes)
        default: break
        }
    }

    private mutating func takeFrame(
        _ target: UInt32, _ payload: Span<UInt8>, _ index: Int, at place: Int, end: Int
    ) {
        var offset = 0
        guard let prefix = FramePrefix(payload, &offset),
            let frame = frames[BufferPosition(segment: number, offset: UInt64(place))]
        else { return }
        var needs = needed[target] ?? []
        needs.insert(index)
        if let statement = targets[target] { needs.insert(statement) }
        if let statement = layouts[prefix.layout] { needs.insert(statement) }
        let stated = (chunksOfLayout[prefix.layout] ?? []) + prefix.departed.map(\.chunk)
        for chunk in stated { if let statement = chunks[chunk] { needs.insert(statement) } }
        for record in needs { records[record].dependents.insert(frame) }
        needed[target] = needs
        frameEnds[frame] = end
        if let job = jobOfTarget[target] { last[job] = (target, index) }
    }

    /// The records, with the jobs of which the last frame is lost with them.
    var finished: [FlipMap.Record] {
        var records = records
        for (job, frame) in last {
            records[frame.record].uncountedJobs.insert(job)
            if let statement = targets[frame.target] { records[statement].uncountedJobs.insert(job) }
        }
        return records
    }
}
