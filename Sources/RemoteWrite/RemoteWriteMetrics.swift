import Addresses
internal import Configuration
import Synchronization
internal import Telemetry
internal import WriteAheadBuffer

/// One destination's metrics, under Prometheus' names where the meaning is the same.
final class RemoteWriteMetrics: Sendable {
    /// What left, every try counted.
    private let sent: KindCounters
    /// What the receiver refused for good.
    private let failed: KindCounters
    /// What was sent again.
    private let retried: KindCounters
    private let bytes: Counter
    let sentBatchSeconds: Histogram
    let bufferErrors: Counter
    let enqueueRetries: Counter
    let fellBack: Counter
    let escapedNames: Counter
    let unwritten: Counter
    let metadata: Counter
    let metadataFailed: Counter
    let metadataRetried: Counter
    let metadataBytes: Counter
    private let highestSent: Gauge
    private let highestSentMs = Mutex(Int64.min)
    /// By the label `code`: to look one up in the registry costs several times what counting does.
    private let answers = Mutex<[String: Counter]>([:])
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
        sent = KindCounters(
            samples: counter(
                "prometheus_remote_storage_samples_total",
                "Float samples sent to remote storage, every try counted."),
            histograms: counter(
                "prometheus_remote_storage_histograms_total",
                "Native histograms sent to remote storage, every try counted."),
            exemplars: counter(
                "prometheus_remote_storage_exemplars_total",
                "Exemplars sent to remote storage, every try counted."))
        failed = KindCounters(
            samples: counter(
                "prometheus_remote_storage_samples_failed_total",
                "Float samples that remote storage refused for good."),
            histograms: counter(
                "prometheus_remote_storage_histograms_failed_total",
                "Native histograms that remote storage refused for good."),
            exemplars: counter(
                "prometheus_remote_storage_exemplars_failed_total",
                "Exemplars of requests that remote storage refused for good."))
        retried = KindCounters(
            samples: counter(
                "prometheus_remote_storage_samples_retried_total",
                "Float samples sent again because a try failed."),
            histograms: counter(
                "prometheus_remote_storage_histograms_retried_total",
                "Native histograms sent again because a try failed."),
            exemplars: counter(
                "prometheus_remote_storage_exemplars_retried_total",
                "Exemplars sent again because a try failed."))
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
            "Samples and histograms that a receiver of remote write 2.0 answered with success and says it "
                + "has not written; exemplars are not counted.")
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
        enqueueRetries = counter(
            "prometheus_remote_storage_enqueue_retries_total",
            "Times that reading of the buffer stopped because as many samples waited as may.")
        // A reason's series is there before its first sample, so that increase() sees the first.
        for dropped in [droppedSamples, droppedHistograms] { _ = dropped(DropReason.tooOld) }
        if configuration.limits.bytesPerDay > 0 { _ = droppedSamples(DropReason.dailyBudget) }
        if !configuration.sendNativeHistograms { _ = droppedHistograms(DropReason.histogramsOff) }
        if !configuration.sendExemplars { _ = droppedExemplars(DropReason.exemplarsOff) }
        if configuration.sendNativeHistograms, !configuration.sendCustomBuckets {
            _ = droppedHistograms(DropReason.customBuckets)
        }
        let queue = configuration.queue
        _ = gauge(
            "prometheus_remote_storage_shards_max", "Most requests in flight configured.", queue.maxShards)
        _ = gauge(
            "prometheus_remote_storage_shards_min",
            "Fewest requests in flight configured. After 429 and 503 there may be fewer.", queue.minShards)
        _ = gauge(
            "prometheus_remote_storage_shard_capacity", "Samples configured as capacity of a shard.",
            queue.capacity)
        _ = gauge(
            "prometheus_remote_storage_max_samples_per_send", "Most samples in one request.",
            queue.maxSamplesPerSend)
    }

    /// What families show that are read when the page is rendered.
    struct Readers: Sendable {
        let highestTimestampMs: @Sendable () -> Int64
        /// Samples that the destination has not answered for.
        let backlog: @Sendable () -> UInt64
        /// Of requests that are cut and not answered for.
        let pending: @Sendable () -> (histograms: Int, exemplars: Int)
        let leftOutSeries: @Sendable () -> Int
        let shards: @Sendable () -> (now: Int, desired: Double)
        let readingStop: @Sendable () -> ReadingStop?
    }

    /// Families that are read when the page is rendered; the tokens are for `removeReader`.
    func observe(_ readers: Readers) -> [UInt64] {
        let labels = labels
        func gauge(_ name: String, _ help: String, _ read: @escaping @Sendable () -> Double) -> UInt64 {
            registry.observe(name, help: help, type: .gauge) { [Measurement(labels: labels, value: read())] }
        }
        return [
            gauge(
                "prometheus_remote_storage_queue_highest_timestamp_seconds",
                "Newest timestamp waiting in the buffer or sent."
            ) { Double(readers.highestTimestampMs()) / 1_000 },
            gauge(
                "prometheus_remote_storage_samples_pending",
                "Samples in the buffer that remote storage has not answered for, histograms among them."
            ) { Double(readers.backlog()) },
            gauge(
                "prometheus_remote_storage_histograms_pending",
                "Native histograms of requests that are cut and not answered for."
            ) { Double(readers.pending().histograms) },
            gauge(
                "prometheus_remote_storage_exemplars_pending",
                "Exemplars of requests that are cut and not answered for."
            ) { Double(readers.pending().exemplars) },
            gauge("prometheus_remote_storage_shards", "Requests that may be in flight at once.") {
                Double(readers.shards().now)
            },
            gauge(
                "prometheus_remote_storage_shards_desired",
                "Requests in flight that the rate of samples and the backlog ask for."
            ) { readers.shards().desired },
            gauge(
                "narthex_remote_write_left_out_series",
                "Series left out for a while, as remote storage refuses whole requests for them."
            ) { Double(readers.leftOutSeries()) },
            registry.observe(
                "narthex_remote_write_reading_stopped",
                help: "1 while the buffer is not read on for this reason, though there may be more in it.",
                type: .gauge
            ) {
                let now = readers.readingStop()
                return ReadingStop.allCases.map { reason in
                    Measurement(
                        labels: labels + [(name: "reason", value: reason.rawValue)],
                        value: reason == now ? 1 : 0)
                }
            },
        ]
    }

    /// A try begins.
    func leaves(_ request: PreparedRequest, isAgain: Bool) {
        sent.add(request)
        bytes.add(UInt64(request.body.count))
        if isAgain { retried.add(request) }
    }

    /// A request is over.
    func settled(_ request: PreparedRequest, as verdict: RequestVerdict) {
        let count = request.outcome.delivered
        dropped(request.outcome, histograms: request.droppedHistograms)
        switch verdict {
        case .delivered: stored(newestMs: request.newestMs)
        case .unwritten(let missing):
            stored(newestMs: request.newestMs)
            dropped(
                DropReason.unwritten, samples: UInt64(missing.total), histograms: UInt64(missing.histograms))
        case .refused(let reason):
            failed.add(request)
            refused(reason, request.outcome, booked: request.outcome.booked(as: verdict))
        case .partlyRefused(let missing, let reason):
            stored(newestMs: request.newestMs)
            failed.add(missing)
            refused(reason, request.outcome, booked: request.outcome.booked(as: verdict))
        case .givenUp(let reason):
            dropped(reason, samples: count, histograms: UInt64(request.histogramCount))
        }
        if request.exemplarsOff > 0 {
            droppedExemplars(DropReason.exemplarsOff).add(UInt64(request.exemplarsOff))
        }
    }

    /// Samples dropped before they were sent: `outcome`'s, of which these are histograms.
    func dropped(_ outcome: Outcomes, histograms: [String: Int]) {
        for (reason, count) in outcome.dropped {
            dropped(reason, samples: count, histograms: UInt64(histograms[reason] ?? 0))
        }
    }

    /// Samples dropped before they were sent, of which so many are histograms.
    private func dropped(_ reason: String, samples: UInt64, histograms: UInt64) {
        let floats = samples - min(samples, histograms)
        if floats > 0 { droppedSamples(reason).add(floats) }
        if histograms > 0 { droppedHistograms(reason).add(histograms) }
    }

    private func droppedSamples(_ reason: String) -> Counter {
        registry.counter(
            "prometheus_remote_storage_samples_dropped_total",
            help: "Float samples dropped instead of being sent.",
            labels: labels + [(name: "reason", value: reason)])
    }

    private func droppedHistograms(_ reason: String) -> Counter {
        registry.counter(
            "prometheus_remote_storage_histograms_dropped_total",
            help: "Native histograms dropped instead of being sent.",
            labels: labels + [(name: "reason", value: reason)])
    }

    /// Exemplars not sent beside their samples.
    private func droppedExemplars(_ reason: String) -> Counter {
        registry.counter(
            "prometheus_remote_storage_exemplars_dropped_total",
            help: "Exemplars dropped instead of being sent.",
            labels: labels + [(name: "reason", value: reason)])
    }

    /// Samples refused by the receiver, by the reason it gave and by job: those that are delivered in
    /// `outcome` and are not in `booked`, which has the same jobs.
    private func refused(_ reason: String, _ outcome: Outcomes, booked: Outcomes) {
        for (entry, after) in zip(outcome.entries, booked.entries) {
            let count = entry.outcome.delivered - after.outcome.delivered
            guard count > 0 else { continue }
            registry.counter(
                "narthex_remote_write_refused_samples_total",
                help: "Samples of requests that remote storage refused, by reason; it may have kept some.",
                labels: labels + [(name: "reason", value: reason), (name: "scrape_job", value: entry.job)]
            ).add(count)
        }
    }

    /// A try has ended: by status, `error` for none, and by why it was not let in.
    func answered(_ answer: ReceiverAnswer) {
        let code = if case .status(let response) = answer { String(response.status) } else { "error" }
        answers.withLock { answers in
            if let known = answers[code] { return known }
            let counter = registry.counter(
                "narthex_remote_write_answers_total", help: "Tries by how they were answered.",
                labels: labels + [(name: "code", value: code)])
            answers[code] = counter
            return counter
        }.add()
        guard let reason = answer.unauthorized else { return }
        registry.counter(
            "narthex_remote_write_unauthorized_total",
            help: "Tries that were not let in, or had nothing to be signed with, by reason.",
            labels: labels + [(name: "reason", value: reason.rawValue)]
        ).add()
    }

    private func stored(newestMs: Int64) {
        highestSentMs.withLock { highest in
            highest = max(highest, newestMs)
            highestSent.set(Double(highest) / 1_000)
        }
    }
}
