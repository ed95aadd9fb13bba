internal import MetricModel
internal import Platform
import Synchronization

/// What the buffer and its destinations share.
final class BufferCore: Sendable {
    let directory: String
    let catalog: SegmentCatalog
    let interner: LayoutInterner
    let files: any FileDoor
    let clock: any AgentClock
    let metrics: BufferMetrics
    let signal = AppendSignal()
    /// A box: a function inside a generic container is wrapped once more with each access.
    private struct Listener: Sendable {
        let body: @Sendable () -> Void
    }

    private let listener = Mutex<Listener?>(nil)

    init(
        directory: String, catalog: SegmentCatalog, interner: LayoutInterner, files: any FileDoor,
        clock: any AgentClock, metrics: BufferMetrics
    ) {
        self.directory = directory
        self.catalog = catalog
        self.interner = interner
        self.files = files
        self.clock = clock
        self.metrics = metrics
    }

    /// A checksum seed that nobody outside knows.
    func newSalt() -> UInt32 { UInt32.random(in: 0...UInt32.max) }

    /// Calls `body` whenever a cursor has moved.
    func whenAnswersMove(_ body: @escaping @Sendable () -> Void) { listener.withLock { $0 = Listener(body: body) } }

    func answersMoved() { listener.withLock { $0 }?.body() }

    /// Samples of a lane in one segment from a position on, by job, what is damaged left out.
    func count(
        _ segment: SegmentInfo, lane: Int, laneCount: UInt64, from start: BufferPosition
    ) throws(BufferError) -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        var jobs: [UInt32: String] = [:]
        try scan(segment) { header, place, payload in
            switch header.type {
            case .target:
                guard let target = StatementCoding.target(payload), target.id % laneCount == UInt64(lane) else {
                    return
                }
                jobs[header.subject] = target.job
            case .frame:
                let here = BufferPosition(segment: segment.number, offset: place)
                var offset = 0
                guard let job = jobs[header.subject], let prefix = FramePrefix(payload, &offset) else { return }
                let end = BufferPosition(segment: segment.number, offset: place + UInt64(header.recordBytes))
                guard end > start else { return }
                let consumed = start.segment == here.segment && start.offset == place ? start.sample : 0
                counts[job, default: 0] += UInt64(prefix.sampleCount - min(consumed, prefix.sampleCount))
            default: return
            }
        }
        return counts
    }

    /// Hands every intact record of a segment over. Returns where the last of them ends.
    @discardableResult
    func scan(
        _ segment: SegmentInfo, _ body: (RecordHeader, UInt64, Span<UInt8>) -> Void
    ) throws(BufferError) -> UInt64 {
        do throws(FileError) {
            let file = try files.open(segment.path, .read)
            // Only read from: nothing is lost if the close fails.
            defer { try? files.close(file) }
            var scanner = RecordScanner(RecordWindow(file, files: files), salt: segment.salt)
            var end = UInt64(FileHeader.sizeBytes)
            while true {
                switch try scanner.next(limit: segment.length) {
                case .end: return end
                case .damage: continue
                case .record(let header, let place):
                    guard let range = try scanner.payload(header, at: place, limit: segment.length) else {
                        continue
                    }
                    let bytes = scanner.bytes
                    body(header, place, bytes.span.extracting(range))
                    end = place + UInt64(header.recordBytes)
                }
            }
        } catch {
            throw .io("a segment cannot be read", error, segment: segment.number)
        }
    }
}
