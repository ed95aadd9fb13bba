/// Targets that a web server lists: `http_sd_configs`.
public struct HTTPSDConfiguration: Sendable, Equatable {
    public var url: String
    /// How often the list is asked for. A request for it may take no longer than this, as in Prometheus.
    public var refreshIntervalMs: Int64
    public var http: HTTPClientOptions

    public init(
        url: String, refreshIntervalMs: Int64 = 60_000, http: HTTPClientOptions = HTTPClientOptions()
    ) {
        self.url = url
        self.refreshIntervalMs = refreshIntervalMs
        self.http = http
    }
}
