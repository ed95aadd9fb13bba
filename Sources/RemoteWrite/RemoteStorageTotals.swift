public import Telemetry

/// The two families that remote storage shows once for all destinations.
public enum RemoteStorageTotals {
    /// Adds them to the registry; the readers are called whenever the page is rendered.
    public static func register(
        _ registry: MetricRegistry, samplesIn: @escaping @Sendable () -> UInt64,
        highestTimestampMs: @escaping @Sendable () -> Int64
    ) {
        registry.observe(
            "prometheus_remote_storage_samples_in_total", help: "Samples appended for remote storage.",
            type: .counter
        ) { [Measurement(value: Double(samplesIn()))] }
        registry.observe(
            "prometheus_remote_storage_highest_timestamp_in_seconds",
            help: "Newest timestamp appended for remote storage.", type: .gauge
        ) { [Measurement(value: Double(highestTimestampMs()) / 1_000)] }
    }
}
