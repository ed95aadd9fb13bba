import Configuration

/// Prometheus' grammars for flags; the configuration file uses the same.
public enum FlagGrammar {
    /// Milliseconds of a duration such as `1h30m`; nil when it is none.
    public static func durationMs(_ text: String) -> Int64? { PrometheusDuration.parse(text) }

    /// Bytes of a size such as `15MB`; nil when it is none or does not fit.
    public static func sizeBytes(_ text: String) -> Int? {
        ByteSize.parse(text).flatMap { Int(exactly: $0) }
    }
}
