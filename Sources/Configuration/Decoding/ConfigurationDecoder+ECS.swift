import Relabel

/// `ecs_sd_configs`, and `aws_sd_configs` with role ecs.
extension ConfigurationDecoder {
    func ecsSD(_ node: YAMLNode) -> ECSSDConfiguration? {
        MappingReader(node, Schema.ecsSD, sink).map(ecs)
    }

    func ecs(_ reader: MappingReader) -> ECSSDConfiguration {
        var result = ECSSDConfiguration(clusters: clusters(reader))
        result.refreshIntervalMs = refreshIntervalMs(reader, of: "ECS") ?? result.refreshIntervalMs
        checkKeyPair(reader)
        result.region = region(reader)
        result.endpoint = url(reader, "endpoint")
        result.accessKey = filled(reader, "access_key")
        result.secretKey = filled(reader, "secret_key")
        result.profile = filled(reader, "profile")
        result.roleARN = roleARN(reader)
        result.externalID = filled(reader, "external_id")
        result.port = reader.int("port", 1...65_535)
        result.services = exporters(reader, "services", "name_pattern", Schema.ecsServices)
        result.taskDefinitions = exporters(
            reader, "task_definitions", "arn_pattern", Schema.ecsTaskDefinitions)
        // As in ecs_observer, whoever names exporters gets those; docker labels come in when they are named
        // too.
        let isByPattern = reader.value("services") != nil || reader.value("task_definitions") != nil
        result.dockerLabels = dockerLabels(reader) ?? (isByPattern ? [] : result.dockerLabels)
        result.filterLabel = filled(reader, "filter_label")
        result.dynamicPortDetection = reader.bool("dynamic_port_detection") ?? false
        result.addressFamily =
            reader.choice("address_family", ECSSDConfiguration.AddressFamily.allCases.map(\.rawValue))
            .flatMap { .init(rawValue: $0) } ?? .ipv4
        result.addressAttribute = filled(reader, "address_attribute") ?? result.addressAttribute
        result.compatibility =
            reader.choice("compat", ECSSDConfiguration.Compatibility.allCases.map(\.rawValue))
            .flatMap { .init(rawValue: $0) }
        result.describesServices = reader.bool("describe_services")
        result.describesClusters = reader.bool("describe_clusters")
        result.describesInterfaces = reader.bool("describe_network_interfaces")
        result.http = signedClient(reader)
        checkUnusedAuthentication(reader)
        _ = reader.int("request_concurrency", 1...1_000_000)
        checkPort(reader)
        return result
    }

    /// With `port` a task is one target, and nothing is asked of its containers.
    private func checkPort(_ reader: MappingReader) {
        guard reader.value("port") != nil else { return }
        let keys = [
            "docker_labels", "services", "task_definitions", "filter_label", "dynamic_port_detection",
        ]
        for key in keys where reader.value(key) != nil {
            // False is what it is without the key.
            if key == "dynamic_port_detection", reader.bool(key) == false { continue }
            reader.report(
                key,
                "\(key) selects containers, but port makes each task one target, as in Prometheus;"
                    + " use one or the other")
        }
    }

    private func clusters(_ reader: MappingReader) -> [String] {
        let clusters = reader.strings("clusters", of: "names or ARNs")
        if reader.value("clusters")?.isEmpty ?? false {
            reader.report(
                "clusters",
                "clusters is empty: name clusters, write [\"*\"] for all, or leave the key out for the"
                    + " agent's own")
        }
        for (text, place) in clusters where text != ECSSDConfiguration.allClusters && !isCluster(text) {
            sink.report(
                place,
                "\(quoted(text)) is neither a cluster's name nor its ARN (arn:…:cluster/name), nor * for all")
        }
        if clusters.count > 1, let (_, place) = clusters.first(where: { $0.text == "*" }) {
            sink.report(place, "* is all clusters and stands alone in clusters")
        }
        for (index, (text, place)) in clusters.enumerated()
        where clusters[..<index].contains(where: { $0.text == text }) {
            sink.report(place, "the cluster \(quoted(text)) stands twice in clusters")
        }
        return clusters.map(\.text)
    }

    /// Nil when the key is absent.
    private func dockerLabels(_ reader: MappingReader) -> [ECSDockerLabels]? {
        guard reader.value("docker_labels") != nil else { return nil }
        return reader.list("docker_labels", of: "mappings").compactMap { node -> ECSDockerLabels? in
            guard let set = MappingReader(node, Schema.ecsDockerLabels, sink) else { return nil }
            guard let port = filled(set, "port_label") else {
                set.report("port_label", "an entry of docker_labels needs a port_label")
                return nil
            }
            return ECSDockerLabels(
                port: port, path: filled(set, "metrics_path_label"), scheme: filled(set, "scheme_label"),
                jobName: filled(set, "job_name_label"), serverName: filled(set, "server_name_label"),
                interval: filled(set, "scrape_interval_label"), dynamic: filled(set, "dynamic_label"))
        }
    }

    private func exporters(
        _ reader: MappingReader, _ key: String, _ patternKey: String, _ table: KeyTable
    ) -> [ECSExporterPattern] {
        reader.list(key, of: "mappings").compactMap { node -> ECSExporterPattern? in
            guard let entry = MappingReader(node, table, sink) else { return nil }
            if filled(entry, patternKey) == nil {
                entry.report(patternKey, "an entry of \(key) needs \(patternKey), a regular expression")
            }
            guard let pattern = regex(entry, patternKey) else { return nil }
            let ports = entry.ints("metrics_ports", 1...65_535, of: "ports")
            if entry.value("metrics_ports").map(\.isEmpty) ?? true {
                entry.report("metrics_ports", "an entry of \(key) needs metrics_ports: at least one port")
            }
            return ECSExporterPattern(
                pattern: pattern, containerPattern: regex(entry, "container_name_pattern"),
                ports: ports,
                path: filled(entry, "metrics_path"), jobName: filled(entry, "job_name"))
        }
    }

    private func regex(_ reader: MappingReader, _ key: String) -> RelabelPattern? {
        guard let text = filled(reader, key) else { return nil }
        do throws(RelabelError) {
            return try ECSExporterPattern.anywhere(text)
        } catch {
            reader.report(key, "\(key): \(error.message)")
            return nil
        }
    }

    private func isCluster(_ text: String) -> Bool {
        var name = Substring(text)
        if text.hasPrefix("arn:") {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 6, parts[2] == "ecs", parts[5].hasPrefix("cluster/") else { return false }
            name = parts[5].dropFirst("cluster/".count)
        }
        return !name.isEmpty && name.utf8.count <= 255
            && name.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0)
                    || $0 == 0x2D || $0 == 0x5F
            }
    }
}

extension MappingReader {
    /// A list of whole numbers; faulty items are reported and left out.
    fileprivate func ints(_ key: String, _ range: ClosedRange<Int>, of what: String) -> [Int] {
        list(key, of: what).compactMap { item in
            if case .scalar(let text, plain: true) = item.content, let value = YAMLScalar.integer(text),
                let value = Int(exactly: value), range.contains(value)
            {
                return value
            }
            let found = item.scalarText.map { "not \(quoted($0))" } ?? "but this is \(item.kindName)"
            sink.report(
                item,
                "an item of \(key) must be a whole number from \(range.lowerBound) to \(range.upperBound),"
                    + " \(found)")
            return nil
        }
    }
}
