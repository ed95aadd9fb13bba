import Telemetry

/// The metrics that say of a disk that fails.
struct FaultFailures {
    private static let names = [
        "prometheus_tsdb_wal_writes_failed_total", "narthex_buffer_sync_failures_total",
        "narthex_buffer_read_failures_total",
        "narthex_buffer_cursor_failures_total", "narthex_buffer_reserve_uses_total",
        "prometheus_tsdb_wal_truncations_failed_total",
    ]

    private let counters: [Counter]
    private let appends: Counter
    private let memorySamples: Counter

    /// Of a registry in which a buffer has put its families.
    init(_ registry: MetricRegistry) {
        let counters = Self.names.map { registry.counter($0, help: "") }
        self.counters = counters
        appends = counters[0]
        memorySamples = registry.counter("narthex_buffer_memory_samples_total", help: "")
    }

    var sum: UInt64 { counters.reduce(0) { $0 + $1.value } }

    /// Appends that failed.
    var failedAppends: UInt64 { appends.value }

    /// Samples that went to memory, as the disk did not take them.
    var samplesInMemory: UInt64 { memorySamples.value }

    /// Whether a fault must show somewhere. What nothing depends on need not: the index of segments, which is
    /// made anew; what is closed or removed and has no meaning any more; a look at a file that is opened
    /// next; the reserve, which is tried again and tells when it is given up.
    static func isToBeSaid(_ hit: FaultDoor.Hit) -> Bool {
        switch hit.call {
        case .close, .status, .length, .allocate: false
        default:
            !hit.path.hasSuffix("narthex.segments") && !hit.path.hasSuffix("narthex.segments.new")
                && !hit.path.hasSuffix("narthex.reserve")
                && !(hit.call == .remove && hit.path.hasSuffix(".new"))
        }
    }
}
