extension ConfigurationDecoder {
    /// Further keys that authenticate; each of them excludes those of the HTTP client.
    private static let signingKeys = ["sigv4", "azuread", "google_iam"]

    /// A destination with the place of its name or URL; nil when it is none at all (then reported).
    func remoteWrite(_ node: YAMLNode) -> (value: RemoteWriteConfiguration, mark: YAMLMark)? {
        guard !node.isNull else {
            sink.report(node, "an empty entry in remote_write; a destination needs at least url")
            return nil
        }
        guard let reader = MappingReader(node, Schema.remoteWrite, sink) else { return nil }
        if reader.value("url") == nil { reader.report("url", "a destination in remote_write needs a url") }
        let written = urlWithUser(reader, "url")
        let url = written?.url ?? ""
        let name = filled(reader, "name")
        var write = RemoteWriteConfiguration(url: url, name: url.isEmpty ? name ?? "" : name)
        let urlMark = reader.mark("url")
        write.urlPlace = SettingPlace(file: sink.file, line: urlMark.line, column: urlMark.column)
        write.remoteTimeoutMs = reader.durationMs("remote_timeout") ?? write.remoteTimeoutMs
        write.http = httpClient(reader, enablesHTTP2: false, excluding: Self.signingKeys)
        write.http.authentication = authentication(write.http.authentication, orThatOf: written, reader)
        write.headers = headers(reader)
        for field in write.headers
        where write.http.headers.contains(where: { $0.name.lowercased() == field.name.lowercased() }) {
            reader.report("headers", "the header \(field.name) stands in headers and in http_headers")
        }
        write.sigv4 = sigv4(reader, url: url)
        if write.sigv4 != nil, written?.user != nil {
            reader.report(
                "url",
                "url has a user or password, which Prometheus sends in the place of the signature, so that"
                    + " AWS refuses the request; remove them, or sigv4")
        }
        write.writeRelabelRules = relabelRules(reader, "write_relabel_configs")
        write.queue = reader.value("queue_config").map { queue($0, url: url) } ?? write.queue
        write.metadata = reader.value("metadata_config").map(metadata) ?? write.metadata
        write.protobufMessage = message(reader, url: url)
        write.limits = reader.value("limits").map(limits) ?? write.limits
        write.escapeUTF8Names = reader.bool("escape_utf8_names")
        write.roundRobinDNS = reader.bool("round_robin_dns") ?? false
        write.sendExemplars = reader.bool("send_exemplars") ?? write.sendExemplars
        write.sendNativeHistograms = reader.bool("send_native_histograms") ?? write.sendNativeHistograms
        write.sendCustomBuckets = reader.bool("send_custom_bucket_histograms") ?? write.sendCustomBuckets
        write.logsFailedRequests = reader.bool("failed_request_logging") ?? write.logsFailedRequests
        if write.sendCustomBuckets, !write.sendNativeHistograms {
            reader.report(
                "send_custom_bucket_histograms",
                "send_custom_bucket_histograms needs send_native_histograms: true: they are native histograms"
            )
        }
        if write.sendCustomBuckets, url.contains("//aps-workspaces") {
            sink.warn(
                reader.mark("send_custom_bucket_histograms"),
                "Amazon Managed Service for Prometheus refuses histograms of custom buckets")
        }
        // They are off unless they are asked for.
        if write.sendExemplars, WorkspaceURL.hasHostOfAMP(url) {
            sink.warn(
                reader.mark("send_exemplars"),
                "Amazon Managed Service for Prometheus does not support exemplars; leave send_exemplars out")
        }
        if let problem = WorkspaceURL.problem(url) { reader.report("url", "url \(problem)") }
        if write.sigv4 == nil, write.http.authentication == .none, url.contains("//aps-workspaces") {
            sink.warn(
                reader.mark("url"),
                "Amazon Managed Service for Prometheus takes signed requests only; add sigv4")
        }
        return (write, reader.mark(name == nil ? "url" : "name"))
    }

    private func headers(_ reader: MappingReader) -> [RemoteWriteConfiguration.HeaderField] {
        var seen: Set<String> = []
        return reader.entries("headers", of: "header names and values").compactMap { entry in
            let lower = entry.name.lowercased()
            if lower == "authorization" {
                sink.report(
                    entry.key,
                    "the Authorization header is made by sigv4, basic_auth, authorization or oauth2;"
                        + " it cannot be set in headers")
                return nil
            }
            if let problem = ReservedHeaders.problem(entry.name) {
                sink.report(entry.key, problem)
                return nil
            }
            guard seen.insert(lower).inserted else {
                sink.report(entry.key, "the header \(entry.name) stands twice; case makes no difference")
                return nil
            }
            // The value may be a secret: messages do not hold it.
            guard let value = entry.value.scalarText, !entry.value.isNull,
                ReservedHeaders.isValue(value)
            else {
                sink.report(entry.value, "the header \(entry.name) must be a string on one line")
                return nil
            }
            return .init(name: entry.name, value: value)
        }
    }

    private func sigv4(_ reader: MappingReader, url: String) -> SigV4Configuration? {
        guard reader.isPresent("sigv4") else { return nil }
        guard let node = reader.value("sigv4") else {
            // Prometheus takes this for "no signing", which nobody means.
            reader.report(
                "sigv4",
                "sigv4 is empty: write sigv4: {} to sign with what the environment gives, or remove the key"
                    + " to send without a signature")
            return nil
        }
        guard let block = MappingReader(node, Schema.sigv4, sink) else { return nil }
        checkKeyPair(block)
        let region = region(block)
        if let region, let own = WorkspaceURL.region(url), own != region {
            sink.warn(
                block.mark("region"),
                "requests are signed for the region \(region), but the url's host is in \(own), which refuses"
                    + " such requests; write region: \(own), or leave the key out")
        }
        return SigV4Configuration(
            region: region, accessKey: filled(block, "access_key"),
            secretKey: filled(block, "secret_key"),
            profile: filled(block, "profile"), roleARN: roleARN(block),
            externalID: filled(block, "external_id"), serviceName: filled(block, "service_name") ?? "aps",
            useFIPSSTSEndpoint: block.bool("use_fips_sts_endpoint") ?? false)
    }

    private func message(_ reader: MappingReader, url: String) -> ProtobufMessage {
        let messages = ProtobufMessage.allCases
        guard let text = reader.choice("protobuf_message", messages.map(\.text)),
            let message = messages.first(where: { $0.text == text })
        else { return .v1 }
        if message == .v2, WorkspaceURL.isOfAMP(url) {
            sink.warn(
                reader.mark("protobuf_message"),
                "Amazon Managed Service for Prometheus documents remote write 1.0 only: where it does not"
                    + " understand 2.0 requests are sent again by 1.0; write prometheus.WriteRequest, or auto"
            )
        }
        return message
    }

    private func metadata(_ node: YAMLNode) -> MetadataConfiguration {
        var metadata = MetadataConfiguration()
        guard let reader = MappingReader(node, Schema.metadata, sink) else { return metadata }
        metadata.send = reader.switchedOn("send") ?? metadata.send
        metadata.sendIntervalMs = reader.durationMs("send_interval") ?? metadata.sendIntervalMs
        metadata.maxSamplesPerSend =
            reader.int("max_samples_per_send", 1...1_000_000) ?? metadata.maxSamplesPerSend
        return metadata
    }

    private func queue(_ node: YAMLNode, url: String) -> QueueConfiguration {
        var queue = QueueConfiguration()
        guard let reader = MappingReader(node, Schema.queue, sink) else { return queue }
        queue.capacity = reader.int("capacity", 1...10_000_000) ?? queue.capacity
        queue.maxShards = reader.int("max_shards", 1...10_000) ?? queue.maxShards
        queue.minShards = reader.int("min_shards", 1...10_000) ?? queue.minShards
        queue.maxSamplesPerSend = reader.int("max_samples_per_send", 1...1_000_000) ?? queue.maxSamplesPerSend
        queue.batchSendDeadlineMs = reader.durationMs("batch_send_deadline") ?? queue.batchSendDeadlineMs
        queue.minBackoffMs = reader.durationMs("min_backoff") ?? queue.minBackoffMs
        queue.maxBackoffMs = reader.durationMs("max_backoff") ?? queue.maxBackoffMs
        queue.retryOnHTTP429 = reader.switchedOn("retry_on_http_429") ?? queue.retryOnHTTP429
        queue.sampleAgeLimitMs =
            reader.durationMs("sample_age_limit", allowsZero: true) ?? queue.sampleAgeLimitMs
        if queue.minShards > queue.maxShards {
            let key = reader.isPresent("min_shards") ? "min_shards" : "max_shards"
            reader.report(
                key, "min_shards (\(queue.minShards)) is larger than max_shards (\(queue.maxShards))")
        }
        if queue.minBackoffMs > queue.maxBackoffMs {
            let key = reader.isPresent("min_backoff") ? "min_backoff" : "max_backoff"
            reader.report(
                key,
                "min_backoff (\(PrometheusDuration.text(ms: queue.minBackoffMs))) is longer than max_backoff"
                    + " (\(PrometheusDuration.text(ms: queue.maxBackoffMs)))")
        }
        warnOfLateRequests(reader, queue, url: url)
        return queue
    }

    /// Warns where a request that does not fill waits until its oldest samples are too old to be sent.
    /// Prometheus takes such a queue without a word, and drops the samples.
    private func warnOfLateRequests(_ reader: MappingReader, _ queue: QueueConfiguration, url: String) {
        var (limitMs, limit) = (queue.sampleAgeLimitMs, "sample_age_limit")
        if WorkspaceURL.hasHostOfAMP(url) {
            let ampMs = limitMs > 0 ? WorkspaceURL.oldestTakenMs : WorkspaceURL.sampleAgeLimitMs
            if limitMs == 0 || ampMs < limitMs {
                limitMs = ampMs
                limit = "the age up to which Amazon Managed Service for Prometheus is sent samples"
            }
        }
        guard limitMs > 0, queue.batchSendDeadlineMs >= limitMs else { return }
        let isWritten = reader.isPresent("batch_send_deadline")
        sink.warn(
            reader.mark(isWritten ? "batch_send_deadline" : "sample_age_limit"),
            "batch_send_deadline (\(PrometheusDuration.text(ms: queue.batchSendDeadlineMs))"
                + "\(isWritten ? "" : " by default")) is not shorter than \(limit)"
                + " (\(PrometheusDuration.text(ms: limitMs))): a request that does not fill waits so long"
                + " that its oldest samples are too old to be sent, and they are dropped; write a shorter"
                + " batch_send_deadline")
    }

    // MARK: - What remote_write, sigv4 and ecs_sd_configs share

    /// Of a URL that must not have a user.
    func url(_ reader: MappingReader, _ key: String) -> String? {
        guard let text = filled(reader, key) else { return nil }
        guard let problem = Checks.url(text) else { return text }
        reader.report(key, "\(key) \(problem)")
        return nil
    }

    func region(_ reader: MappingReader) -> String? {
        guard let text = filled(reader, "region") else { return nil }
        guard let problem = Checks.region(text) else { return text }
        reader.report("region", problem)
        return nil
    }

    func checkKeyPair(_ reader: MappingReader) {
        let hasAccess = filled(reader, "access_key") != nil
        let hasSecret = filled(reader, "secret_key") != nil
        if hasAccess != hasSecret {
            let (given, missing) = hasAccess ? ("access_key", "secret_key") : ("secret_key", "access_key")
            reader.report(
                given, "\(given) without \(missing): give both, or neither to use the environment's")
        }
    }

    /// A string that is not empty; an empty one counts as absent.
    func filled(_ reader: MappingReader, _ key: String) -> String? {
        reader.string(key).flatMap { $0.isEmpty ? nil : $0 }
    }
}
