/// What a scrape asks its target for, and the names it takes.
extension ConfigurationDecoder {
    /// Nil when the key is absent.
    func scrapeProtocols(_ reader: MappingReader) -> [ScrapeProtocol]? {
        guard reader.value("scrape_protocols") != nil else { return nil }
        let items = reader.strings("scrape_protocols", of: "scrape protocols")
        var result: [ScrapeProtocol] = []
        for (text, place) in items {
            guard let scrapeProtocol = scrapeProtocol(text, "scrape_protocols", place) else { continue }
            if result.contains(scrapeProtocol) {
                sink.report(place, "\(text) stands twice in scrape_protocols")
            } else {
                result.append(scrapeProtocol)
            }
        }
        if items.isEmpty, let node = reader.value("scrape_protocols"), case .sequence = node.content {
            reader.report("scrape_protocols", "scrape_protocols must name at least one protocol")
        }
        return result
    }

    func fallbackProtocol(_ reader: MappingReader) -> ScrapeProtocol? {
        guard let text = reader.string("fallback_scrape_protocol"), !text.isEmpty,
            let place = reader.value("fallback_scrape_protocol")
        else { return nil }
        return scrapeProtocol(text, "fallback_scrape_protocol", place)
    }

    private func scrapeProtocol(_ text: String, _ key: String, _ place: YAMLNode) -> ScrapeProtocol? {
        let valid = ScrapeProtocol.supported.map(\.rawValue)
        guard let result = ScrapeProtocol(rawValue: text) else {
            let near = Spelling.nearest(text, valid).map { "; did you mean \($0)?" } ?? "."
            sink.report(
                place,
                "\(key): \(quoted(text)) is no scrape protocol\(near) Valid: \(valid.joined(separator: ", "))"
            )
            return nil
        }
        guard ScrapeProtocol.supported.contains(result) else {
            sink.report(
                place,
                "\(key): \(text) is a scrape protocol that this version of Narthex does not support yet."
                    + " Valid: \(valid.joined(separator: ", "))")
            return nil
        }
        return result
    }

    func globalNameSchemes(_ reader: MappingReader) -> (NameValidationScheme, NameEscapingScheme) {
        let validation = validationScheme(reader) ?? .utf8
        return (validation, escapingScheme(reader) ?? defaultEscaping(validation))
    }

    /// A job's schemes. A validation scheme of its own brings its own escaping with it, so that `legacy`
    /// alone does not meet the global `allow-utf-8`.
    func nameSchemes(
        _ reader: MappingReader, _ global: GlobalConfiguration
    ) -> (NameValidationScheme, NameEscapingScheme) {
        let own = validationScheme(reader)
        let validation = own ?? global.metricNameValidationScheme
        let escaping =
            escapingScheme(reader) ?? own.map(defaultEscaping) ?? global.metricNameEscapingScheme
        if escaping == .allowUTF8, validation == .legacy {
            reader.report(
                "metric_name_escaping_scheme",
                "metric_name_escaping_scheme allow-utf-8 asks for names that metric_name_validation_scheme"
                    + " legacy refuses; set one of underscores, dots and values, or utf8 validation")
        }
        return (validation, escaping)
    }

    private func defaultEscaping(_ validation: NameValidationScheme) -> NameEscapingScheme {
        validation == .legacy ? .underscores : .allowUTF8
    }

    private func validationScheme(_ reader: MappingReader) -> NameValidationScheme? {
        choice(reader, "metric_name_validation_scheme", NameValidationScheme.self)
    }

    private func escapingScheme(_ reader: MappingReader) -> NameEscapingScheme? {
        choice(reader, "metric_name_escaping_scheme", NameEscapingScheme.self)
    }

    /// An empty text counts as absent, as in Prometheus.
    private func choice<Scheme: RawRepresentable<String> & CaseIterable>(
        _ reader: MappingReader, _ key: String, _: Scheme.Type
    ) -> Scheme? {
        if reader.value(key)?.scalarText == "" { return nil }
        return reader.choice(key, Scheme.allCases.map(\.rawValue)).flatMap { Scheme(rawValue: $0) }
    }
}
