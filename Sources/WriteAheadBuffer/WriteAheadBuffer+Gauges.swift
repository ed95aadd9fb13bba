internal import Platform
import Synchronization
internal import Telemetry

extension WriteAheadBuffer {
    /// Whether the disk takes no samples, so that they go to the destinations from memory.
    public var isDiskRefusing: Bool { core.isDiskRefusing.load(ordering: .relaxed) }

    /// What the disk has said when it began to take no samples; nil while it takes them. Waits for no disk.
    public var diskRefusal: String? { core.refusal.withLock { $0?.message } }

    /// By destination, samples that were lost of late as neither disk nor memory had room for them, or as
    /// they were too old.
    public var lostForRoom: [String: UInt64] {
        let destinations = destinations.withLock { $0 }
        return Dictionary(
            destinations.map { ($0.name, $0.reader.lostForRoom) }, uniquingKeysWith: { first, _ in first })
    }

    /// Adds the families that are read when a page is made; none of them waits for the disk. Returns the
    /// tokens by which they are taken away again.
    static func gauges(_ core: BufferCore, _ registry: MetricRegistry) -> [UInt64] {
        let numbers: [(name: String, help: String, number: @Sendable (BufferCore) -> UInt64)] = [
            ("prometheus_tsdb_wal_storage_size_bytes", "Bytes of all segments.", { $0.catalog.totalBytes }),
            ("narthex_buffer_bytes", "Bytes of all segments.", { $0.catalog.totalBytes }),
            ("narthex_buffer_segments", "Segments there are.", { UInt64($0.catalog.fileCount) }),
            (
                "narthex_buffer_disk_refuses",
                "1 while the disk takes no samples and they go to the destinations from memory.",
                { $0.isDiskRefusing.load(ordering: .relaxed) ? 1 : 0 }
            ),
            (
                "narthex_buffer_memory_bytes", "Memory of samples that the disk has not taken.",
                { UInt64(clamping: $0.memory.usedBytes(of: .frames)) }
            ),
            (
                "narthex_buffer_memory_buffered_samples",
                "Samples in memory alone that some destination has not answered for.",
                { $0.buffer?.samplesInMemory ?? 0 }
            ),
            (
                "narthex_buffer_cursors_in_doubt",
                "Destinations whose cursor is in memory and not in full on the disk.",
                { UInt64($0.buffer?.destinations.withLock { $0.count { $0.isInDoubt } } ?? 0) }
            ),
        ]
        return numbers.map { name, help, number in
            registry.observe(name, help: help, type: .gauge) { [Measurement(value: Double(number(core)))] }
        }
    }
}
