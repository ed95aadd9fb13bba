import MetricModel
import Relabel

extension ConfigurationDecoder {
    /// A job with the place of its name; nil when it is no job at all (then reported).
    func scrapeConfig(
        _ node: YAMLNode, _ global: GlobalConfiguration
    ) -> (value: ScrapeConfiguration, mark: YAMLMark)? {
        guard !node.isNull else {
            sink.report(node, "an empty entry in scrape_configs; a job needs at least job_name")
            return nil
        }
        guard let reader = MappingReader(node, Schema.scrapeConfig, sink) else { return nil }
        var job = ScrapeConfiguration(jobName: reader.string("job_name") ?? "")
        if job.jobName.isEmpty, reader.value("job_name").map({ $0.scalarText != nil }) ?? true {
            reader.report("job_name", "a job in scrape_configs needs a job_name")
        }
        job.scrapeIntervalMs = global.scrapeIntervalMs
        if let ms = reader.durationMs("scrape_interval", allowsZero: true), ms > 0 {
            job.scrapeIntervalMs = ms
        }
        job.scrapeTimeoutMs = timeoutMs(
            reader, intervalMs: job.scrapeIntervalMs, inheritedMs: global.scrapeTimeoutMs)
        job.scheme = scheme(reader) ?? job.scheme
        job.metricsPath = metricsPath(reader) ?? job.metricsPath
        job.params = params(reader)
        job.honorLabels = reader.bool("honor_labels") ?? job.honorLabels
        job.honorTimestamps = reader.switchedOn("honor_timestamps") ?? job.honorTimestamps
        job.enableCompression = reader.switchedOn("enable_compression") ?? job.enableCompression
        job.http = httpClient(reader)
        job.bodySizeLimitBytes = reader.sizeBytes("body_size_limit") ?? 0
        if job.bodySizeLimitBytes == 0 { job.bodySizeLimitBytes = global.bodySizeLimitBytes }
        job.targetLimit = reader.int("target_limit", 0...Int.max) ?? 0
        if job.targetLimit == 0 { job.targetLimit = global.targetLimit }
        job.histograms = histograms(reader, global)
        job.scrapeProtocols =
            scrapeProtocols(reader) ?? global.scrapeProtocols
            ?? (job.histograms.scrapeNative || features.readsStartTimestamps
                ? ScrapeProtocol.protobufFirst : ScrapeProtocol.defaults)
        job.readsStartTimestamps = features.readsStartTimestamps
        job.addsStartSamples = features.addsStartSamples
        job.limits = limits(reader).filled(from: global.limits)
        job.onLimit = onLimit(reader)
        job.onBadLine = onBadLine(reader)
        job.trackTimestampsStaleness = reader.bool("track_timestamps_staleness") ?? false
        job.outOfOrderWindowMs = global.outOfOrderWindowMs
        job.extraScrapeMetrics = reader.bool("extra_scrape_metrics") ?? global.extraScrapeMetrics
        job.scrapeFailureLogFile =
            filled(reader, "scrape_failure_log_file").map(resolved) ?? global.scrapeFailureLogFile
        job.fallbackScrapeProtocol = fallbackProtocol(reader)
        (job.metricNameValidationScheme, job.metricNameEscapingScheme) = nameSchemes(reader, global)
        let allowsUTF8Names = job.metricNameValidationScheme == .utf8
        job.relabelRules = relabelRules(reader, "relabel_configs", allowsUTF8Names: allowsUTF8Names)
        job.metricRelabelRules = relabelRules(
            reader, "metric_relabel_configs", allowsUTF8Names: allowsUTF8Names)
        job.keepDroppedTargets =
            reader.int("keep_dropped_targets", 0...Int.max).flatMap { $0 > 0 ? $0 : nil }
            ?? global.keepDroppedTargets
        // With rules an address may begin as anything, for instance as the URL that a probe is to be sent to.
        let checksAddresses = job.relabelRules.isEmpty
        job.staticConfigs = reader.list("static_configs", of: "target groups").compactMap {
            TargetGroupDecoder(sink: sink, checksAddresses: checksAddresses).group($0)
        }
        job.fileSDConfigs = reader.list("file_sd_configs", of: "mappings").compactMap(fileSD)
        job.httpSDConfigs = reader.list("http_sd_configs", of: "mappings").compactMap(httpSD)
        job.dnsSDConfigs = reader.list("dns_sd_configs", of: "mappings").compactMap(dnsSD)
        job.ecsSDConfigs = reader.list("ecs_sd_configs", of: "mappings").compactMap(ecsSD)
        job.ec2SDConfigs = reader.list("ec2_sd_configs", of: "mappings").compactMap(ec2SD)
        for discovery in reader.list("aws_sd_configs", of: "mappings").compactMap(awsSD) {
            switch discovery {
            case .ecs(let entry): job.ecsSDConfigs.append(entry)
            case .ec2(let entry): job.ec2SDConfigs.append(entry)
            }
        }
        for index in job.ecsSDConfigs.indices { job.ecsSDConfigs[index].wish(by: job.relabelRules) }
        return (job, reader.mark("job_name"))
    }

    /// As in every URL, case makes no difference.
    private func scheme(_ reader: MappingReader) -> String? {
        let schemes = ["http", "https"]
        if let text = reader.value("scheme")?.scalarText?.lowercased(), schemes.contains(text) { return text }
        return reader.choice("scheme", schemes)
    }

    private func metricsPath(_ reader: MappingReader) -> String? {
        guard let path = reader.string("metrics_path") else { return nil }
        if path.contains("?") {
            reader.report(
                "metrics_path",
                "metrics_path holds a query, which would be sent as part of the path; use params")
        }
        return path
    }

    private func params(_ reader: MappingReader) -> [ScrapeConfiguration.Parameter] {
        reader.entries("params", of: "parameter names and lists of values").compactMap { entry in
            if entry.value.isNull { return nil }
            guard case .sequence(let items) = entry.value.content else {
                sink.report(
                    entry.value,
                    "the parameter \(quoted(entry.name)) must be a list such as [a], "
                        + "but this is \(entry.value.kindName)"
                )
                return nil
            }
            let values = items.compactMap { item in
                if item.scalarText == nil {
                    sink.report(
                        item,
                        "a value of \(quoted(entry.name)) must be a string, but this is \(item.kindName)")
                }
                return item.isNull ? "" : item.scalarText
            }
            return ScrapeConfiguration.Parameter(name: entry.name, values: values)
        }
    }

    private func fileSD(_ node: YAMLNode) -> FileSDConfiguration? {
        guard let reader = MappingReader(node, Schema.fileSD, sink) else { return nil }
        let files = reader.strings("files", of: "paths")
        if reader.value("files").map(\.isEmpty) ?? true {
            reader.report("files", "file_sd_configs needs files: at least one path")
        }
        for (path, place) in files {
            let name = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
            let ending = name.split(separator: ".", omittingEmptySubsequences: false).last.map {
                $0.lowercased()
            }
            if !name.contains(".") || !["json", "yml", "yaml"].contains(ending) {
                sink.report(place, "\(quoted(path)) must end in .json, .yml or .yaml")
            } else if path.dropLast(name.count).contains("*") {
                sink.report(
                    place, "\(quoted(path)) has a * in a folder; only the last part of the path may have one")
            }
        }
        return FileSDConfiguration(
            files: files.map { FilePath.resolve($0.text, from: folder) },
            refreshIntervalMs: reader.durationMs("refresh_interval") ?? 300_000)
    }
}
