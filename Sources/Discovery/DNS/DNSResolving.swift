public import Configuration
public import Platform

/// Whoever looks names up: the system's resolver, and fakes in tests.
public protocol DNSResolving: Sendable {
    /// The DNS message; empty when there is no such name or record.
    func search(_ name: String, _ type: DNSSDConfiguration.RecordType) async throws(ResolverError) -> [UInt8]
}

extension DNSSDConfiguration.RecordType {
    /// RFC 1035 §3.2.2, RFC 3596, RFC 2782.
    var number: UInt16 {
        switch self {
        case .a: 1
        case .ns: 2
        case .mx: 15
        case .aaaa: 28
        case .srv: 33
        }
    }
}
