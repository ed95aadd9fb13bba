import MetricModel
import Platform
import Scrape
import Telemetry
import WriteAheadBuffer

/// What the series that are scraped take in memory, kind by kind.
struct SeriesMemory: Sendable {
    /// Estimates, by what malloc gives out. A chunk of lines has, besides what is counted, its objects, their
    /// arrays' headers, and its entries in tables by which it is found. A target has its labels, its address,
    /// its loop and its request.
    private static let chunkBytes = 1_000
    private static let targetBytes = 5_000

    var layouts = LayoutInterner.Size()
    /// Of the pools of all jobs.
    var lines: [ScrapePool.LineMemory] = []
    /// Of the columns that the buffer keeps.
    var valueBytes = 0
    /// Of the buffers that senders keep.
    var requestBytes = 0

    /// Bytes of each kind.
    var kinds: [(kind: String, bytes: Int)] {
        [
            ("labels", layouts.labelBytes), ("parts", layouts.partBytes),
            ("lines", lines.reduce(0) { $0 + $1.lineBytes }),
            ("comments", layouts.metadataBytes + lines.reduce(0) { $0 + $1.commentBytes }),
            ("values", valueBytes), ("requests", requestBytes),
            ("targets", Self.targetBytes * lines.reduce(0) { $0 + $1.targets }),
            ("objects", Self.chunkBytes * max(layouts.chunks, lines.reduce(0) { $0 + $1.chunks })),
        ]
    }

    /// Adds the families; `now` is asked whenever the page is rendered, and so is malloc.
    static func register(in registry: MetricRegistry, _ now: @escaping @Sendable () -> SeriesMemory) {
        registry.observe(
            "narthex_series_memory_bytes",
            help: "Memory that the series of all targets take, equal ones once, by kind.", type: .gauge
        ) {
            now().kinds.map { Measurement(labels: [("kind", $0.kind)], value: Double($0.bytes)) }
        }
        registry.observe(
            "narthex_heap_bytes", help: "Memory that malloc has given out, and that it keeps free, by state.",
            type: .gauge
        ) {
            let bytes = Heap.bytes
            return [
                Measurement(labels: [("state", "allocated")], value: Double(bytes.allocated)),
                Measurement(labels: [("state", "free")], value: Double(bytes.free)),
            ]
        }
    }
}
