/// Targets that DNS names stand for: `dns_sd_configs`.
public struct DNSSDConfiguration: Sendable, Equatable {
    public enum RecordType: String, Sendable, CaseIterable {
        case a = "A"
        case aaaa = "AAAA"
        case srv = "SRV"
        case mx = "MX"
        case ns = "NS"
    }

    public var names: [String]
    public var type: RecordType
    /// nil only for SRV, whose records hold one.
    public var port: Int?
    public var refreshIntervalMs: Int64

    public init(
        names: [String], type: RecordType = .srv, port: Int? = nil, refreshIntervalMs: Int64 = 30_000
    ) {
        self.names = names
        self.type = type
        self.port = port
        self.refreshIntervalMs = refreshIntervalMs
    }
}
