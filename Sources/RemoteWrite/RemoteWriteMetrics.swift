import Addresses
internal import Configuration
import Synchronization
internal import Telemetry

/// One destination's metrics, under Prometheus' names where the meaning is the same.
final class RemoteWriteMetrics: Sendable {
    let samples: Counter
    let histograms: Counter
    let exemplars: Counter
    let failed: Counter
    let retried: Counter
    let bytes: Counter
    let sentBatchSeconds: Histogram
    let bufferErrors: Counter
    let fellBack: Counter
    let escapedNames: Counter
    let unwritten: Counter
    let metadata: Counter
    let metadataFailed: Counter
    let metadataRetried: Counter
    let metadataBytes: Counter
    private let highestSent: Gauge
    private let highestSentMs = Mutex(Int64.min)
    private let registry: MetricRegistry
    private let labels: MetricRegistry.Labels

    init(_ configuration: RemoteWriteConfiguration, registry: MetricRegistry) {
        self.registry = registry
        let labels = [
            (name: "remote_name", value: configuration.name),
            (name: "url", value: HTTPURL.shown(configuration.url)),
        ]
        self.labels = labels
        func counter(_ name: String, _ help: String) -> Counter {
            registry.counter(name, help: help, labels: labels)
        }
        func gauge(_ name: String, _ help: String, _ value: Int) -> Gauge {
            let gauge = registry.gauge(name, help: help, labels: labels)
            gauge.set(Double(value))
            return gauge
        }
        samples = counter(
            "prometheus_remote_storage_samples_total",
            "Float samples sent to remote storage, every try counted.")
        histograms = counter(
            "prometheus_remote_storage_histograms_total",
            "Native histograms sent to remote storage, every try counted.")
        exemplars = counter(
            "prometheus_remote_storage_exemplars_total",
            "Exemplars sent to remote storage, every try counted.")
        failed = counter(
            "prometheus_remote_storage_samples_failed_total",
            "Samples that remote storage refused for good, histograms among them.")
        retried = counter(
            "prometheus_remote_storage_samples_retried_total",
            "Samples sent again because a try failed, histograms among them.")
        bytes = counter(
            "prometheus_remote_storage_bytes_total",
            "Bytes of request bodies sent, after compression, every try counted.")
        sentBatchSeconds = registry.histogram(
            "prometheus_remote_storage_sent_batch_duration_seconds",
            help: "How long requests took to be answered.",
            bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300],
            labels: labels)
        bufferErrors = registry.counter(
            "narthex_remote_write_buffer_errors_total",
            help: "Failed reads of the buffer and failed writes of the cursor.", labels: labels)
        escapedNames = counter(
            "narthex_remote_write_escaped_names_total",
            "Metrics whose name or labels are sent under other names, which the receiver knows.")
        fellBack = counter(
            "narthex_remote_write_message_fallbacks_total",
            "Requests of remote write 2.0 that the receiver did not understand, sent again by 1.0.")
        unwritten = counter(
            "narthex_remote_write_unwritten_samples_total",
            "Samples that a receiver of remote write 2.0 answered with success and says it has not written.")
        metadata = counter(
            "prometheus_remote_storage_metadata_total",
            "Metadata entries sent to remote storage, every try counted.")
        metadataFailed = counter(
            "prometheus_remote_storage_metadata_failed_total",
            "Metadata entries that remote storage refused, or did not take before the next were due.")
        metadataRetried = counter(
            "prometheus_remote_storage_metadata_retried_total",
            "Metadata entries sent again because a try failed.")
        metadataBytes = counter(
            "prometheus_remote_storage_metadata_bytes_total",
            "Bytes of metadata requests sent, after compression, every try counted.")
        highestSent = gauge(
            "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
            "Newest timestamp that remote storage has stored.", 0)
        // No queue in memory can be full, so nothing is ever enqueued twice; the dashboard asks for it.
        _ = counter(
            "prometheus_remote_storage_enqueue_retries_total", "Times that a full queue was tried again.")
        // A reason's series is there before its first sample, so that increase() sees the first.
        _ = dropped(DropReason.tooOld)
        if configuration.limits.bytesPerDay > 0 { _ = dropped(DropReason.dailyBudget) }
        if !configuration.sendNativeHistograms { _ = dropped(DropReason.histogramsOff) }
        if !configuration.sendExemplars { _ = droppedExemplars(DropReason.exemplarsOff) }
        if configuration.sendNativeHistograms, !configuration.sendCustomBuckets {
            _ = dropped(DropReason.customBuckets)
        }
        let queue = configuration.queue
        _ = gauge(
            "prometheus_remote_storage_shards_max", "Most requests in flight configured.", queue.maxShards)
        _ = gauge(
            "prometheus_remote_storage_shards_min", "Fewest requests in flight that the window allows.",
            queue.minShards)
        _ = gauge(
            "prometheus_remote_storage_shard_capacity", "Samples configured as capacity of a shard.",
            queue.capacity)
        _ = gauge(
            "prometheus_remote_storage_max_samples_per_send", "Most samples in one request.",
            queue.maxSamplesPerSend)
    }

    /// Families that are read when the page is rendered; the token is for `removeReader`.
    func observe(
        highestTimestampMs: @escaping @Sendable () -> Int64, pendingSamples: @escaping @Sendable () -> Int,
        leftOutSeries: @escaping @Sendable () -> Int,
        windowSize: @escaping @Sendable () -> (now: Int, wanted: Int),
        readingStop: @escaping @Sendable () -> ReadingStop?
    ) -> [UInt64] {
        let labels = labels
        return [
            registry.observe(
                "prometheus_remote_storage_queue_highest_timestamp_seconds",
                help: "Newest timestamp waiting in the buffer or sent.", type: .gauge
            ) { [Measurement(labels: labels, value: Double(highestTimestampMs()) / 1_000)] },
            registry.observe(
                "prometheus_remote_storage_samples_pending",
                help: "Samples read from the buffer and not answered for.", type: .gauge
            ) { [Measurement(labels: labels, value: Double(pendingSamples()))] },
            registry.observe(
                "prometheus_remote_storage_shards", help: "Requests that may be in flight at once.",
                type: .gauge
            ) { [Measurement(labels: labels, value: Double(windowSize().now))] },
            registry.observe(
                "prometheus_remote_storage_shards_desired",
                help: "Requests in flight that would be of use for the round trip.", type: .gauge
            ) { [Measurement(labels: labels, value: Double(windowSize().wanted))] },
            registry.observe(
                "narthex_remote_write_left_out_series",
                help: "Series left out for a while, as remote storage refuses whole requests for them.",
                type: .gauge
            ) { [Measurement(labels: labels, value: Double(leftOutSeries()))] },
            registry.observe(
                "narthex_remote_write_reading_stopped",
                help: "1 while the log is not read on for this reason, though there may be more in it.",
                type: .gauge
            ) {
                let now = readingStop()
                return ReadingStop.allCases.map { reason in
                    Measurement(
                        labels: labels + [(name: "reason", value: reason.rawValue)],
                        value: reason == now ? 1 : 0)
                }
            },
        ]
    }

    /// Samples dropped before they were sent.
    func dropped(_ reason: String) -> Counter {
        registry.counter(
            "prometheus_remote_storage_samples_dropped_total", help: "Samples dropped instead of being sent.",
            labels: labels + [(name: "reason", value: reason)])
    }

    /// Exemplars not sent beside their samples.
    func droppedExemplars(_ reason: String) -> Counter {
        registry.counter(
            "prometheus_remote_storage_exemplars_dropped_total",
            help: "Exemplars dropped instead of being sent.",
            labels: labels + [(name: "reason", value: reason)])
    }

    /// Samples refused by the receiver, by the reason it gave.
    func refused(_ reason: String) -> Counter {
        registry.counter(
            "narthex_remote_write_refused_samples_total",
            help: "Samples of requests that remote storage refused, by reason; it may have kept some.",
            labels: labels + [(name: "reason", value: reason)])
    }

    /// Answers by status; `error` for none.
    func answered(_ status: String) {
        registry.counter(
            "narthex_remote_write_answers_total", help: "Tries by how they were answered.",
            labels: labels + [(name: "code", value: status)]
        ).add()
    }

    func stored(newestMs: Int64) {
        highestSentMs.withLock { highest in
            highest = max(highest, newestMs)
            highestSent.set(Double(highest) / 1_000)
        }
    }
}
