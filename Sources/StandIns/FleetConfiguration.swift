/// How the exporters of a fleet are told apart.
public enum FleetAddressing: String, Sendable, CaseIterable {
    /// One listener, a path each: `/exporter/17/metrics`.
    case paths
    /// A port each on one address, path `/metrics`.
    case ports
    /// One port on 127.1.0.2, 127.1.0.3 and so on, path `/metrics`: as tasks of one service have it.
    case addresses
}

/// A fleet of exporters.
public struct FleetConfiguration: Sendable {
    public var exporters: Int
    public var seriesEach: Int
    public var addressing: FleetAddressing
    /// The listener's port, the first port, or the common port; 0 for any.
    public var port: Int
    /// Share of the series with another number at each scrape.
    public var movingShare: Double
    public var seed: UInt64
    /// A label with the exporter's number on every series, so that no two exporters expose the same names.
    public var isDistinct: Bool

    public init(
        exporters: Int = 3, seriesEach: Int = 100, addressing: FleetAddressing = .paths, port: Int = 0,
        movingShare: Double = 0.15, seed: UInt64 = 1, isDistinct: Bool = false
    ) {
        self.exporters = exporters
        self.seriesEach = seriesEach
        self.addressing = addressing
        self.port = port
        self.movingShare = movingShare
        self.seed = seed
        self.isDistinct = isDistinct
    }
}

/// What an exporter does wrong on cue.
public enum ExporterFault: Sendable, Equatable {
    case status(Int)
    case hang
    /// Closes without an answer.
    case close
    /// Promises the whole page, sends this many bytes, closes.
    case truncate(bytes: Int)
    /// Answers 200 with text that is no exposition.
    case garbage
    /// Answers rightly, but late.
    case delay(ms: Int64)
}

/// Where one exporter is.
public struct ExporterPlace: Sendable, Hashable {
    public let host: String
    public let port: Int
    public let path: String

    public init(host: String, port: Int, path: String) {
        self.host = host
        self.port = port
        self.path = path
    }

    /// As `__address__` has it.
    public var address: String { "\(host):\(port)" }
    public var url: String { "http://\(host):\(port)\(path)" }
}
