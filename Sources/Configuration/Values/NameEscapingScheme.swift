/// What a target is asked to do to names beyond the legacy characters
/// (prometheus.io/docs/instrumenting/escaping_schemes). A request only: the answer's names stay as they are.
public enum NameEscapingScheme: String, CaseIterable, Sendable {
    case allowUTF8 = "allow-utf-8"
    case underscores
    case dots
    case values
}
