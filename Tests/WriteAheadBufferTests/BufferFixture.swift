import Logging
import MetricModel
import Platform
import Telemetry
import TestSupport

@testable import WriteAheadBuffer

/// A folder and what is needed to open a buffer in it again and again.
final class BufferFixture {
    let folder: TemporaryFolder
    let clock = ManualClock()
    let files = FaultyFiles()
    let interner = LayoutInterner()
    /// Of the buffer that was opened last.
    private(set) var registry = MetricRegistry()
    var segmentSizeBytes = 32 << 20
    var segmentMaxAgeMs: Int64 = 15 * 60_000
    var retentionBytes: UInt64 = 1 << 30
    var retentionAgeMs: Int64 = 4 * 3_600_000
    var syncIntervalMs: Int64 = 1_000
    var reserveBytes = 0
    /// Nothing is kept for readers that follow: what is read is decoded.
    var recentFrameBytes = 0
    /// Frames that the disk does not take find no room in memory: they are lost.
    var memory = MemoryAccount(framesBytes: 0)
    let target = TestFrames.target()
    let layout: Layout
    let said = LogLines()

    init() throws {
        folder = try TemporaryFolder()
        layout = Layout([TestFrames.chunk("m", count: 10)])
    }

    func open() throws -> WriteAheadBuffer {
        registry = MetricRegistry()
        return try WriteAheadBuffer(
            BufferConfiguration(
                directory: folder.path, segmentSizeBytes: segmentSizeBytes, segmentMaxAgeMs: segmentMaxAgeMs,
                retentionBytes: retentionBytes, retentionAgeMs: retentionAgeMs,
                syncIntervalMs: syncIntervalMs, reserveBytes: reserveBytes, recentFrameBytes: recentFrameBytes
            ),
            interner: interner,
            clock: clock, files: files, registry: registry,
            logger: said.logger, memory: memory,
            salts: { 0x5A17_5A17 })
    }

    /// A frame of ten samples; each says `first` in its first value.
    func frame(_ first: Double, target: Target? = nil) -> Frame {
        TestFrames.frame(target ?? self.target, layout, at: clock.wallMs, first: first)
    }

    var segmentPaths: [String] {
        get throws {
            try files.list(folder.path).filter { $0.hasSuffix(".segment") }.map { "\(folder.path)/\($0)" }
        }
    }

    func bytes(_ path: String) throws -> [UInt8] { try POSIXFiles().contents(of: path, limitBytes: 1 << 30) }

    func overwrite(_ path: String, with bytes: [UInt8]) throws {
        let files = POSIXFiles()
        let file = try files.open(path, .update)
        try files.truncate(file, to: 0)
        // Safety: bytes have no padding.
        try unsafe files.write(bytes.span.bytes, to: file, at: 0)
        try files.close(file)
    }

    /// A copy of every file, to be put back for the next attempt.
    func snapshot() throws -> [String: [UInt8]] {
        var all: [String: [UInt8]] = [:]
        for name in try files.list(folder.path) { all[name] = try bytes("\(folder.path)/\(name)") }
        return all
    }

    func restore(_ snapshot: [String: [UInt8]]) throws {
        for name in try files.list(folder.path) { try POSIXFiles().remove("\(folder.path)/\(name)") }
        for (name, bytes) in snapshot { try overwrite("\(folder.path)/\(name)", with: bytes) }
    }
}

extension Outcomes {
    /// By job, samples that were delivered.
    init(delivered: [String: UInt64]) {
        self.init()
        for (job, count) in delivered { add(JobOutcome(delivered: count), of: job) }
    }
}
