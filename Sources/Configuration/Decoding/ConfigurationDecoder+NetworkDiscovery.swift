extension ConfigurationDecoder {
    func httpSD(_ node: YAMLNode) -> HTTPSDConfiguration? {
        guard let reader = MappingReader(node, Schema.httpSD, sink) else { return nil }
        if filled(reader, "url") == nil { reader.report("url", "http_sd_configs needs a url") }
        var options = httpClient(reader)
        guard let written = urlWithUser(reader, "url") else { return nil }
        options.authentication = authentication(options.authentication, orThatOf: written, reader)
        return HTTPSDConfiguration(
            url: written.url, refreshIntervalMs: reader.durationMs("refresh_interval") ?? 60_000,
            http: options)
    }

    func dnsSD(_ node: YAMLNode) -> DNSSDConfiguration? {
        guard let reader = MappingReader(node, Schema.dnsSD, sink) else { return nil }
        let names = reader.strings("names", of: "DNS names")
        if reader.value("names").map(\.isEmpty) ?? true {
            reader.report("names", "dns_sd_configs needs names: at least one DNS name")
        }
        for (text, place) in names where !isName(text) {
            sink.report(place, "\(quoted(text)) is not a DNS name")
        }
        let types = DNSSDConfiguration.RecordType.allCases.map(\.rawValue)
        var type = DNSSDConfiguration.RecordType.srv
        if let text = reader.string("type") {
            // Prometheus takes small letters, too.
            if let known = DNSSDConfiguration.RecordType(rawValue: text.uppercased()) {
                type = known
            } else {
                reader.report(
                    "type", "type cannot be \(quoted(text)). Valid: \(types.joined(separator: ", "))")
            }
        }
        let port = reader.int("port", 1...65_535)
        if type != .srv, !reader.isPresent("port") {
            reader.report("type", "dns_sd_configs needs a port for every type but SRV")
        }
        return DNSSDConfiguration(
            names: names.map(\.text), type: type, port: port,
            refreshIntervalMs: reader.durationMs("refresh_interval") ?? 30_000)
    }

    /// What can be asked of a server at all (RFC 1035 §2.3.4); underscores and the like are none of our
    /// business.
    private func isName(_ text: String) -> Bool {
        let name = text.hasSuffix(".") ? text.dropLast() : Substring(text)
        return !name.isEmpty && name.utf8.count <= 253 && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            && name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
                (1...63).contains($0.utf8.count)
            }
    }
}
