/// How log lines look; the names are those of Prometheus' `--log.format`.
public enum LogFormat: String, Sendable, CaseIterable {
    case logfmt, json
}
