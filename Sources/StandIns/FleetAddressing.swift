/// How the exporters of a fleet are told apart.
public enum FleetAddressing: String, Sendable, CaseIterable {
    /// One listener, a path each: `/exporter/17/metrics`.
    case paths
    /// A port each on one address, path `/metrics`.
    case ports
    /// One port on 127.1.0.2, 127.1.0.3 and so on, path `/metrics`: as tasks of one service have it.
    case addresses
}
