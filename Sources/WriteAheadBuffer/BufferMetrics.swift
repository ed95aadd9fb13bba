internal import Logging
internal import MetricModel
internal import Platform
import Synchronization
internal import Telemetry

/// The buffer's own metrics, and the log lines about damage.
struct BufferMetrics: Sendable {
    /// Under the names that an agent, a server and remote storage have for it.
    private let appendedFloats: [Counter]
    private let appendedHistograms: [Counter]
    private let appendedExemplars: [Counter]
    let appendFailures: Counter
    let writtenBytes: Counter
    let fsyncSeconds: Summary
    private let syncFailures: Counter
    let readFailures: Counter
    let cursorFailures: Counter
    let memorySamples: Counter
    let memorySpells: Counter
    let reserveUses: Counter
    let segment: Gauge
    let retained: @Sendable (_ reason: String) -> Counter
    private let removals: Counter
    private let failedRemovals: Counter
    private let damagedRecords: Counter
    private let corruptions: Counter
    private let damagedBytes: Counter
    let damagedCursors: Counter
    /// What goes on going wrong.
    let faults: PacedLog
    private let logger: Logger
    private let places = DamagedPlaces()
    /// Beginnings of segments, where others are missing before them.
    private let gaps = DamagedPlaces()

    /// Places that were told of: the reader of every destination meets them.
    private final class DamagedPlaces: Sendable {
        /// Beyond it the oldest are forgotten, and told again.
        static let limit = 4_096
        private let seen = Mutex<Set<BufferPosition>>([])

        func isNew(_ place: BufferPosition) -> Bool {
            seen.withLock { seen in
                if seen.count >= Self.limit { seen.removeAll() }
                return seen.insert(place).inserted
            }
        }
    }

    init(registry: MetricRegistry, logger: Logger, clock: any AgentClock) {
        self.logger = logger
        faults = PacedLog(logger, clock: clock)
        func appended(_ type: String) -> [Counter] {
            [
                registry.counter(
                    "prometheus_agent_samples_appended_total", help: "Samples written to the buffer.",
                    labels: [("type", type)]),
                registry.counter(
                    "prometheus_tsdb_head_samples_appended_total",
                    help: "Samples written to the buffer, under the name a server has for them.",
                    labels: [("type", type)]),
            ]
        }
        appendedFloats =
            appended("float") + [
                registry.counter(
                    "prometheus_remote_storage_samples_in_total",
                    help: "Float samples written to the buffer, for every destination.")
            ]
        appendedHistograms =
            appended("histogram") + [
                registry.counter(
                    "prometheus_remote_storage_histograms_in_total",
                    help: "Native histograms written to the buffer, for every destination.")
            ]
        appendedExemplars = [
            registry.counter(
                "prometheus_agent_exemplars_appended_total", help: "Exemplars written to the buffer."),
            registry.counter(
                "prometheus_remote_storage_exemplars_in_total",
                help: "Exemplars written to the buffer, for every destination."),
        ]
        appendFailures = registry.counter(
            "prometheus_tsdb_wal_writes_failed_total", help: "Writes to the buffer that failed.")
        writtenBytes = registry.counter(
            "narthex_buffer_written_bytes_total", help: "Bytes written to the buffer's segments.")
        fsyncSeconds = registry.summary(
            "prometheus_tsdb_wal_fsync_duration_seconds", help: "How long fdatasync of the buffer took.",
            objectives: .upperTail, clock: clock)
        syncFailures = registry.counter(
            "narthex_buffer_sync_failures_total", help: "Times that the buffer could not be made durable.")
        readFailures = registry.counter(
            "narthex_buffer_read_failures_total",
            help: "Reads of segments that the disk refused; they are tried again.")
        cursorFailures = registry.counter(
            "narthex_buffer_cursor_failures_total",
            help: "Changes of cursors that the disk did not take; the whole cursor is written again.")
        memorySamples = registry.counter(
            "narthex_buffer_memory_samples_total",
            help: "Samples that went to the destinations from memory, since the disk did not take them.")
        memorySpells = registry.counter(
            "narthex_buffer_memory_spells_total", help: "Times that the disk began to take no samples.")
        reserveUses = registry.counter(
            "narthex_buffer_reserve_uses_total",
            help: "Times that the room kept free was given up for a write that found the disk full.")
        segment = registry.gauge(
            "prometheus_tsdb_wal_segment_current", help: "The number of the segment written to.")
        removals = registry.counter(
            "prometheus_tsdb_wal_truncations_total", help: "Attempts to remove a segment.")
        failedRemovals = registry.counter(
            "prometheus_tsdb_wal_truncations_failed_total",
            help: "Attempts to remove a segment that failed.")
        corruptions = registry.counter(
            "prometheus_agent_corruptions_total",
            help: "Places in segments that could not be read, under the name that Prometheus has for them.")
        damagedRecords = registry.counter(
            "narthex_buffer_damaged_records_total", help: "Places in segments that could not be read.")
        damagedBytes = registry.counter(
            "narthex_buffer_damaged_bytes_total", help: "Bytes of segments that could not be read.")
        damagedCursors = registry.counter(
            "narthex_buffer_damaged_cursors_total",
            help: "Cursors that could not be read to their end at the start; what they said is sent again.")
        retained = { reason in
            registry.counter(
                "narthex_buffer_retention_segments_total",
                help: "Segments removed before they were answered for.",
                labels: [("reason", reason)])
        }
    }

    /// A frame was written.
    func appended(_ frame: Frame) {
        let samples = max(0, frame.sampleCount)
        let histograms = min(samples, frame.histograms.count)
        for counter in appendedFloats { counter.add(UInt64(samples - histograms)) }
        for counter in appendedHistograms { counter.add(UInt64(histograms)) }
        for counter in appendedExemplars { counter.add(UInt64(frame.exemplars.count)) }
    }

    /// A segment was to be removed from the disk.
    func removed(_ isGone: Bool) {
        removals.add()
        if !isGone { failedRemovals.add() }
    }

    /// Something could not be made durable. It is kept in memory, and tried again.
    func syncFailed(_ error: FileError) {
        syncFailures.add()
        faults.error(
            "the buffer cannot be made durable: a power loss may take what was written since the last time",
            ["err": "\(error)"], isOfDisk: true)
    }

    /// Times that something could not be made durable.
    var syncFailureCount: UInt64 { syncFailures.value }

    func damaged(segment: UInt64, offset: UInt64, bytes: UInt64) {
        guard countDamage(at: BufferPosition(segment: segment, offset: offset), bytes: bytes) else { return }
        logger.error(
            "damage in the buffer was passed over",
            metadata: [
                "segment": .stringConvertible(segment), "offset": .stringConvertible(offset),
                "bytes": .stringConvertible(bytes),
            ])
    }

    /// Counts a place that cannot be read. False where it was counted before.
    func countDamage(at place: BufferPosition, bytes: UInt64) -> Bool {
        guard places.isNew(place) else { return false }
        damagedRecords.add()
        corruptions.add()
        damagedBytes.add(bytes)
        return true
    }

    /// Frames of a segment that are intact cannot be decoded, the first of them at `place`. By job, their
    /// samples.
    func undecoded(_ frames: Int, from place: BufferPosition, _ samples: [String: UInt64]) {
        logger.error(
            "frames of the buffer cannot be read, as what they build on is damaged",
            metadata: Self.lost(samples).merging(
                [
                    "segment": .stringConvertible(place.segment), "offset": .stringConvertible(place.offset),
                    "frames": .stringConvertible(frames),
                ], uniquingKeysWith: { $1 }))
    }

    /// A reader passes from a segment to `following`, and the one before that, `missing`, is not there. With
    /// it went these samples, by job.
    func passed(missing: UInt64, before following: UInt64, _ samples: [String: UInt64]) {
        guard gaps.isNew(.start(of: following)) else { return }
        var metadata = Self.lost(samples)
        metadata["segment"] = .stringConvertible(missing)
        logger.error("samples of a segment that is not there or cannot be read are lost", metadata: metadata)
    }

    /// So many jobs are named.
    private static let mostJobs = 10

    private static func lost(_ samples: [String: UInt64]) -> Logger.Metadata {
        let more = samples.count - mostJobs
        let jobs = samples.keys.sorted().prefix(mostJobs).joined(separator: ", ")
        return [
            "samples": .stringConvertible(samples.values.reduce(0, SampleCount.sum)),
            "jobs": "\(jobs)\(more > 0 ? " and \(more) more" : "")",
        ]
    }
}
