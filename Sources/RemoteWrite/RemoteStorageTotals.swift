public import Telemetry

/// The one metric family of remote storage that is shown once for all destinations, and not by destination.
/// What the buffer takes in has metrics of its own.
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
