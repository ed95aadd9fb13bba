/// The messages of remote write, of which a request holds one.
enum WriteMessage: UInt8, Sendable {
    /// `prometheus.WriteRequest`, of remote write 1.0.
    case v1 = 1
    /// `io.prometheus.write.v2.Request`, of remote write 2.0 (release candidate 4).
    case v2 = 2

    /// The header `Content-Type`. The specification of 2.0 asks for the plain form where a receiver of 1.0 is
    /// meant.
    var contentType: String {
        switch self {
        case .v1: "application/x-protobuf"
        case .v2: "application/x-protobuf;proto=io.prometheus.write.v2.Request"
        }
    }

    /// The header `X-Prometheus-Remote-Write-Version`.
    var version: String {
        switch self {
        case .v1: "0.1.0"
        case .v2: "2.0.0"
        }
    }
}
