/// Limits of a scrape and what becomes of one beyond them.
extension ConfigurationDecoder {
    /// A block's own limits, 0 where it has none.
    func limits(_ reader: MappingReader) -> ScrapeLimits {
        func limit(_ key: String) -> Int { reader.int(key, 0...Int(UInt32.max)) ?? 0 }
        return ScrapeLimits(
            samples: limit("sample_limit"), labels: limit("label_limit"),
            labelNameLength: limit("label_name_length_limit"),
            labelValueLength: limit("label_value_length_limit"))
    }

    func onLimit(_ reader: MappingReader) -> LimitAction {
        reader.choice("on_limit", LimitAction.allCases.map(\.rawValue)).flatMap { LimitAction(rawValue: $0) }
            ?? .fail
    }

    func onBadLine(_ reader: MappingReader) -> BadLineAction {
        reader.choice("on_bad_line", BadLineAction.allCases.map(\.rawValue))
            .flatMap { BadLineAction(rawValue: $0) } ?? .fail
    }
}
