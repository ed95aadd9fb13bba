import Platform

/// The release.
public enum AgentVersion {
    /// Whoever raises it sets `SourceDate.ms` as well.
    public static let current = "0.1.0"

    /// What `narthex --version` says, a line each: version, commit, build date, compiler and platform.
    public static var report: String {
        report(commit: BuildStamp.commit, date: BuildStamp.date)
    }

    static func report(commit: String?, date: String?) -> String {
        """
        narthex \(current)
          commit:     \(commit ?? "unknown")
          build date: \(date ?? "unknown")
          swift:      \(BuildPlatform.compilerVersion)
          platform:   \(BuildPlatform.system)/\(BuildPlatform.architecture)
        """
    }
}
