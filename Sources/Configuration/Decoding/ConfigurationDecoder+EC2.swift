/// `ec2_sd_configs`, and the roles of `aws_sd_configs`.
extension ConfigurationDecoder {
    /// What an entry of `aws_sd_configs` discovers.
    enum AWSDiscovery {
        case ecs(ECSSDConfiguration)
        case ec2(EC2SDConfiguration)
    }

    /// Roles that Prometheus has and Narthex has not.
    private static let otherRoles = ["elasticache", "lightsail", "msk", "rds"]

    func awsSD(_ node: YAMLNode) -> AWSDiscovery? {
        guard let reader = MappingReader(node, Schema.awsSD, sink) else { return nil }
        let role = reader.string("role")
        if let role, Self.otherRoles.contains(role) {
            reader.report(
                "role",
                "the role \(role) is one that this version of Narthex does not support yet; let what knows"
                    + " the targets write a file for file_sd_configs, or answer http_sd_configs."
                    + " Valid: ec2, ecs")
            return nil
        }
        if role == nil {
            reader.report("role", "aws_sd_configs needs a role. Valid: ec2, ecs")
        } else {
            _ = reader.choice("role", ["ec2", "ecs"])
        }
        if role == "ec2" {
            for key in Schema.ecsSelectionKeys where !(reader.value(key)?.isEmpty ?? true) {
                reader.report(
                    key,
                    "\(key) is for the role ecs, and selects nothing of the role ec2. Select with filters, or"
                        + " with keep and drop in relabel_configs")
            }
            return .ec2(ec2(reader))
        }
        if !(reader.value("filters")?.isEmpty ?? true) {
            reader.report(
                "filters",
                "filters selects machines of the role ec2, and nothing of the role ecs, where Prometheus"
                    + " passes over it: every task would be a target. Select with clusters, or with keep and"
                    + " drop in relabel_configs")
        }
        return .ecs(ecs(reader))
    }

    func ec2SD(_ node: YAMLNode) -> EC2SDConfiguration? {
        MappingReader(node, Schema.ec2SD, sink).map(ec2)
    }

    private func ec2(_ reader: MappingReader) -> EC2SDConfiguration {
        var result = EC2SDConfiguration()
        result.refreshIntervalMs = refreshIntervalMs(reader, of: "EC2") ?? result.refreshIntervalMs
        checkKeyPair(reader)
        result.region = region(reader)
        result.endpoint = url(reader, "endpoint")
        result.accessKey = filled(reader, "access_key")
        result.secretKey = filled(reader, "secret_key")
        result.profile = filled(reader, "profile")
        result.roleARN = roleARN(reader)
        result.externalID = filled(reader, "external_id")
        result.port = reader.int("port", 1...65_535) ?? result.port
        result.filters = filters(reader)
        result.http = signedClient(reader)
        checkUnusedAuthentication(reader)
        return result
    }

    /// How often an API of AWS is asked; nil where the key says nothing.
    func refreshIntervalMs(_ reader: MappingReader, of service: String) -> Int64? {
        let intervalMs = reader.durationMs("refresh_interval")
        if let intervalMs, intervalMs < 1_000 {
            reader.report(
                "refresh_interval",
                "refresh_interval must be at least 1s: the \(service) API limits its callers")
        }
        return intervalMs
    }

    private func filters(_ reader: MappingReader) -> [EC2SDConfiguration.Filter] {
        reader.list("filters", of: "mappings").compactMap { node -> EC2SDConfiguration.Filter? in
            guard let entry = MappingReader(node, Schema.ec2Filters, sink) else { return nil }
            let name = filled(entry, "name")
            if name == nil {
                entry.report("name", "an entry of filters needs a name, such as tag:Team")
            }
            let values = entry.strings("values", of: "values").map(\.text)
            if entry.value("values").map(\.isEmpty) ?? true {
                entry.report("values", "an entry of filters needs values: at least one")
            }
            return name.map { EC2SDConfiguration.Filter(name: $0, values: values) }
        }
    }
}
