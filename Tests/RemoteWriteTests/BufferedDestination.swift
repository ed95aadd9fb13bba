import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import RemoteWrite
@testable import WriteAheadBuffer

/// A destination of a real buffer, whose files are on a disk in memory.
final class BufferedDestination: Sendable {
    let files: PowerLossFiles
    let buffer: WriteAheadBuffer
    let destination: BufferDestination
    private let clock: any AgentClock
    private let appended = Mutex<[String: UInt64]>([:])

    init(
        clock: any AgentClock, segmentBytes: Int = 32 << 20, keptBytes: UInt64 = 1 << 30,
        memory: MemoryAccount = MemoryAccount()
    ) {
        self.clock = clock
        files = PowerLossFiles()
        (buffer, destination) = Self.open(
            files, clock, segmentBytes: segmentBytes, keptBytes: keptBytes, memory)
    }

    /// As after a crash of the agent of `before`.
    private init(_ before: BufferedDestination) {
        clock = before.clock
        files = before.files.copy()
        (buffer, destination) = Self.open(
            files, clock, segmentBytes: 32 << 20, keptBytes: 1 << 30, before.reader.memory)
        let counts = before.appended.withLock { $0 }
        appended.withLock { $0 = counts }
    }

    private static func open(
        _ files: PowerLossFiles, _ clock: any AgentClock, segmentBytes: Int, keptBytes: UInt64,
        _ memory: MemoryAccount
    ) -> (WriteAheadBuffer, BufferDestination) {
        do {
            let buffer = try WriteAheadBuffer(
                BufferConfiguration(
                    directory: "/buffer", segmentSizeBytes: segmentBytes, retentionBytes: keptBytes,
                    reserveBytes: 0),
                interner: LayoutInterner(), clock: clock, files: files, registry: MetricRegistry(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, memory: memory)
            return (buffer, try buffer.openDestination("main"))
        } catch {
            preconditionFailure("a buffer on a disk in memory opens: \(error)")
        }
    }

    var reader: DestinationReader {
        destination.reader
    }

    /// Parts of all frames that can be read: what is open, or what a request held that was in flight.
    func slices(
        of request: SentRequest? = nil, views: WriteRelabelViews? = nil
    ) throws -> [FrameSlice] {
        var slices: [FrameSlice] = []
        while let stored = try reader.next() {
            let samples = request.map { reader.samples(of: $0, in: stored) } ?? stored.open
            slices += samples.map { FrameSlice(stored, samples: $0, views: views) }
        }
        return slices
    }

    /// Notes a request and books it as delivered.
    func deliver(_ request: PreparedRequest) throws {
        try reader.willSend([1: SentRequest(spans: request.covers, omissions: request.omissions)])
        try reader.answered([1], ranges: request.covers, outcome: request.outcome)
    }

    func append(_ frames: [Frame]) {
        for frame in frames {
            do {
                // Counted before anybody can read it.
                appended.withLock { $0[frame.target.job, default: 0] += UInt64(frame.sampleCount) }
                try buffer.append(frame)
            } catch {
                Issue.record("a frame is appended: \(error)")
            }
        }
    }

    func afterCrash() -> BufferedDestination { BufferedDestination(self) }

    /// One round of the buffer's keeper.
    func keep() { buffer.keep() }

    /// The next `count` reads of a segment fail.
    func failReads(_ count: Int) { files.failReads(of: ".segment", count: count) }

    /// After `skipped` of them, `count` writes to the cursor fail.
    func failCursor(_ count: Int, after skipped: Int) {
        files.failWrites(to: "cursor-", skipping: skipped, count: count)
    }

    private var books: [String: DestinationLedger] { buffer.ledger().destinations["main"] ?? [:] }

    /// Everything before it is answered for.
    var mark: BufferPosition { destination.cursor.mark }
    /// Everything that was appended is answered for.
    var isAnswered: Bool { !books.isEmpty && books.values.allSatisfy { $0.buffered == 0 } }
    var delivered: UInt64 { books.values.reduce(0) { $0 + $1.delivered } }
    func delivered(_ job: String) -> UInt64 { books[job]?.delivered ?? 0 }
    var dropped: [String: UInt64] {
        books.values.reduce(into: [:]) { $0.merge($1.dropped, uniquingKeysWith: +) }
    }

    /// For each job: what was appended is delivered, dropped or still to be read from behind the cursor.
    var isBalanced: Bool {
        let cursor = destination.cursor
        var reader = buffer.core.reader(
            from: cursor.mark, AnsweredPlaces(cursor), countingThrough: BufferPosition.maxSegment)
        defer { reader.close() }
        let left = (try? reader.countAll().samples) ?? [:]
        let books = books
        return appended.withLock { appended in
            appended.allSatisfy { job, count in
                guard let entry = books[job] else { return count == 0 }
                return entry.buffered == left[job] ?? 0 && count == entry.outcome.total + entry.buffered
            }
        }
    }

    /// Every frame that the segments hold, read beside the reader.
    func frames() throws -> [StoredFrame] {
        var reader = buffer.core.reader(from: .start(of: 0))
        defer { reader.close() }
        var frames: [StoredFrame] = []
        while true {
            switch try reader.next() {
            case .frame(let stored, _): frames.append(stored)
            case .counted, .lost: Issue.record("nothing is lost on a disk in memory")
            case .nothing: return frames
            }
        }
    }
}
