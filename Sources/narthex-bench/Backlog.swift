import Logging
import MetricModel
import Platform
import Telemetry
import WriteAheadBuffer

/// Fills a write-ahead buffer with samples that a destination has not had yet.
struct Backlog {
    private static let targets = 500
    private static let series = 2_000
    private static let intervalMs: Int64 = 30_000

    /// What the segments came to.
    let bytes: UInt64
    let samples: Int

    /// Writes segments of at least `bytes` into `directory`: random numbers, which no coding makes much
    /// smaller. They are as old as the intervals that they take, so the first ones may be too old for a
    /// receiver.
    init(bytes: UInt64, directory: String, destination: String) throws {
        let clock = SystemClock()
        let interner = LayoutInterner()
        let registry = MetricRegistry()
        let buffer = try WriteAheadBuffer(
            BufferConfiguration(directory: directory, retentionBytes: 2 * bytes + 1 << 30),
            interner: interner, clock: clock, files: POSIXFiles(), registry: registry,
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        _ = try buffer.openDestination(destination)
        let layout = Layout([interner.intern(Self.chunk())])
        let targets = (0..<Self.targets).map { number in
            Target(
                job: "backlog",
                own: LabelSet([Label("instance", "backlog-\(number)"), Label("job", "backlog")]))
        }
        var random = SplitMix64(seed: 1)
        var samples = 0
        // More than are needed: of each number at least the 52 random bits are written.
        let rounds = Int64(bytes / UInt64(Self.series * 6 * Self.targets)) + 1
        let nowMs = clock.wallMs
        for round in 0..<rounds where buffer.sizeBytes < bytes {
            let timestampMs = nowMs - (rounds - round) * Self.intervalMs
            for target in targets {
                let values = (0..<Self.series).map { _ in
                    // A number between 1 and 2 with 52 random bits.
                    Double(bitPattern: 0x3FF0_0000_0000_0000 | random.next() >> 12)
                }
                try buffer.append(
                    Frame(target: target, layout: layout, timestampMs: timestampMs, values: values))
                samples += Self.series
            }
        }
        self.bytes = buffer.sizeBytes
        try buffer.close()
        self.samples = samples
    }

    private static func chunk() -> LayoutChunk {
        var builder = LayoutChunkBuilder()
        for number in 0..<series {
            builder.appendLabel(
                name: Array("__name__".utf8).span, value: Array("backlog_number_\(number)".utf8).span)
            builder.appendTargetLabel(0)
            builder.appendTargetLabel(1)
            builder.endSeries()
        }
        return builder.finish()
    }
}
