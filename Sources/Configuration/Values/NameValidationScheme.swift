/// What names of metrics and labels may be made of.
public enum NameValidationScheme: String, CaseIterable, Sendable {
    /// Any UTF-8.
    case utf8
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`, labels without the colon.
    case legacy
}
