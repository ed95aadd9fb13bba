/// Which message of remote write a destination is sent: `protobuf_message`.
public enum ProtobufMessage: Sendable, Equatable, CaseIterable {
    /// `prometheus.WriteRequest`, of remote write 1.0.
    case v1
    /// `io.prometheus.write.v2.Request`, of remote write 2.0.
    case v2
    /// 2.0 as long as the receiver understands it, else 1.0. Prometheus does not have it.
    case auto

    /// What stands in the configuration.
    public var text: String {
        switch self {
        case .v1: "prometheus.WriteRequest"
        case .v2: "io.prometheus.write.v2.Request"
        case .auto: "auto"
        }
    }
}
