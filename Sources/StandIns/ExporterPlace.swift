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
