import Configuration
import Platform
import Scrape
import Telemetry
import WriteAheadBuffer

/// The families that are nobody's but the whole agent's.
enum AgentMetrics {
    /// Adds build information, readiness and the ledger; each is read when the page is rendered.
    static func register(
        in registry: MetricRegistry, buffer: WriteAheadBuffer, version: String,
        jobs: @escaping @Sendable () -> [String], isReady: @escaping @Sendable () -> Bool
    ) {
        registry.gauge(
            "prometheus_build_info", help: "1, with the version that runs as a label.",
            labels: [
                ("branch", "unknown"), ("goarch", BuildPlatform.architecture),
                ("goos", BuildPlatform.system), ("goversion", BuildPlatform.language),
                ("program", "narthex"), ("revision", BuildStamp.commit ?? "unknown"), ("tags", "unknown"),
                ("version", version),
            ]
        ).set(1)
        registry.gauge(
            "narthex_build_info", help: "1, with the version that runs as a label.",
            labels: [("version", version)]
        ).set(1)
        registry.observe("prometheus_ready", help: "1 once the agent scrapes and ships.", type: .gauge) {
            [Measurement(value: isReady() ? 1 : 0)]
        }
        registry.observe(
            "prometheus_wal_watcher_current_segment",
            help: "The number of the segment with the first sample that a destination has not answered for.",
            type: .gauge
        ) {
            buffer.currentSegments.map {
                Measurement(labels: [("consumer", $0.destination)], value: Double($0.segment))
            }
        }
        // There before the first reload, so that increase() sees the first sample.
        _ = retiredSamples(in: registry)
        registerLedger(in: registry) { shown(buffer.ledger(), jobs: jobs()) }
    }

    /// How often the configuration that runs has each setting that has no effect here.
    static func registerIgnored(
        in registry: MetricRegistry, _ ignored: @escaping @Sendable () -> [IgnoredSetting]
    ) {
        registry.observe(
            "narthex_config_ignored",
            help: "Settings of the configuration file that have no effect in an agent, by key.", type: .gauge
        ) {
            Dictionary(grouping: ignored(), by: \.key).sorted { $0.key < $1.key }.map { key, settings in
                Measurement(labels: [("key", key)], value: Double(settings.count))
            }
        }
    }

    /// What destinations that reloads removed had not answered for.
    static func retiredSamples(in registry: MetricRegistry) -> Counter {
        registry.counter(
            "narthex_retired_destination_samples_total",
            help: "Samples that were buffered for destinations when a reload removed them.")
    }

    /// What the targets of all jobs have; `sizes` are asked whenever the page is rendered.
    static func registerSizes(
        in registry: MetricRegistry, _ sizes: @escaping @Sendable () -> [(job: String, size: ScrapePoolSize)]
    ) {
        for (name, help) in [
            ("prometheus_agent_active_series", "Series that the last scrapes of all targets gave."),
            (
                "prometheus_tsdb_head_series",
                "Series that the last scrapes of all targets gave, under the name a server has for its own."
            ),
        ] {
            registry.observe(name, help: help, type: .gauge) {
                [Measurement(value: Double(sizes().reduce(0) { $0 + $1.size.activeSeries }))]
            }
        }
        let perJob: [(String, String, @Sendable (ScrapePoolSize) -> Int)] = [
            (
                "prometheus_target_metadata_cache_entries",
                "Total number of metric metadata entries in the cache.", { $0.metadataEntries }
            ),
            (
                "prometheus_target_metadata_cache_bytes",
                "The number of bytes that are currently used for storing metric metadata in the cache.",
                { $0.metadataBytes }
            ),
        ]
        for (name, help, size) in perJob {
            registry.observe(name, help: help, type: .gauge) {
                sizes().map {
                    Measurement(
                        labels: [("scrape_job", $0.job)], value: Double(size($0.size)))
                }
            }
        }
    }

    /// What the memory account's kinds hold and may hold.
    static func register(_ memory: MemoryAccount, in registry: MetricRegistry) {
        registry.observe(
            "narthex_memory_charged_bytes",
            help: "Memory charged to the account of what the agent holds, by kind.", type: .gauge
        ) {
            MemoryAccount.Kind.allCases.map {
                Measurement(labels: [("kind", $0.rawValue)], value: Double(memory.usedBytes(of: $0)))
            }
        }
        registry.observe(
            "narthex_memory_limit_bytes", help: "Memory that a kind of the account may hold.", type: .gauge
        ) {
            MemoryAccount.Kind.allCases.map {
                Measurement(labels: [("kind", $0.rawValue)], value: Double(memory.limitBytes(of: $0)))
            }
        }
    }

    /// scraped = delivered + dropped{reason} + buffered + earlier, for each job and destination. The books
    /// move while a page is made, so all families of a page come from one look at them.
    static func registerLedger(
        in registry: MetricRegistry, _ ledger: @escaping @Sendable () -> BufferLedger
    ) {
        let scraped = MetricRegistry.Together(
            "narthex_ledger_scraped_samples_total",
            help: "Samples taken in, report series and stale markers included, since the storage was made.",
            type: .counter)
        let delivered = MetricRegistry.Together(
            "narthex_ledger_delivered_samples_total", help: "Samples the destination has acknowledged.",
            type: .counter)
        let buffered = MetricRegistry.Together(
            "narthex_ledger_buffered_samples",
            help: "Samples on disk, or in memory while the disk takes none, that the destination has not "
                + "answered for.", type: .gauge)
        let earlier = MetricRegistry.Together(
            "narthex_ledger_earlier_samples",
            help: "Samples scraped before the destination was added, which it never gets.", type: .gauge)
        let dropped = MetricRegistry.Together(
            "narthex_ledger_dropped_samples_total", help: "Samples given up for a destination, by reason.",
            type: .counter)
        registry.observe(together: [scraped, delivered, buffered, earlier, dropped]) {
            let ledger = ledger()
            var numbers: [String: [Measurement]] = [:]
            numbers[scraped.name] = ledger.jobs.sorted { $0.key < $1.key }.map {
                Measurement(labels: [("job", $0.key)], value: Double($0.value))
            }
            for entry in entries(ledger) {
                let labels = [("job", entry.job), ("remote_name", entry.destination)]
                func add(_ family: MetricRegistry.Together, _ value: Double, reason: String? = nil) {
                    numbers[family.name, default: []].append(
                        Measurement(labels: labels + (reason.map { [("reason", $0)] } ?? []), value: value))
                }
                add(delivered, Double(entry.ledger.delivered))
                add(buffered, Double(entry.ledger.buffered))
                add(earlier, Double(entry.ledger.earlier))
                for (reason, count) in entry.ledger.dropped.sorted(by: { $0.key < $1.key }) {
                    add(dropped, Double(count), reason: reason)
                }
            }
            return numbers
        }
    }

    /// Without the rows of jobs that are gone, once nothing of them waits: else a page would have a row for
    /// every job there ever was. One that comes back goes on with its numbers.
    static func shown(_ ledger: BufferLedger, jobs: [String]) -> BufferLedger {
        var kept = Set(jobs)
        for books in ledger.destinations.values {
            kept.formUnion(books.lazy.filter { $0.value.buffered > 0 }.map(\.key))
        }
        var shown = ledger
        shown.jobs = ledger.jobs.filter { kept.contains($0.key) }
        shown.destinations = ledger.destinations.mapValues { $0.filter { kept.contains($0.key) } }
        return shown
    }

    private static func entries(
        _ ledger: BufferLedger
    ) -> [(destination: String, job: String, ledger: DestinationLedger)] {
        ledger.destinations.sorted { $0.key < $1.key }.flatMap { destination, jobs in
            jobs.sorted { $0.key < $1.key }.map { (destination, $0.key, $0.value) }
        }
    }
}
