/// The release.
public enum AgentVersion {
    /// Whoever raises it sets `SourceDate.ms` as well.
    public static let current = "0.1.0"
}
