public import Telemetry

/// The family that remote storage shows once for all destinations, beside what the buffer counts of what it
/// takes in.
public enum RemoteStorageTotals {
    /// Adds it to the registry; the reader is called whenever the page is rendered.
    public static func register(
        _ registry: MetricRegistry, highestTimestampMs: @escaping @Sendable () -> Int64
    ) {
        registry.observe(
            "prometheus_remote_storage_highest_timestamp_in_seconds",
            help: "Newest timestamp appended for remote storage.", type: .gauge
        ) { [Measurement(value: Double(highestTimestampMs()) / 1_000)] }
    }
}
