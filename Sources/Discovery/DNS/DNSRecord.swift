import Addresses

/// A record of a DNS answer, of the types that discovery asks for.
enum DNSRecord: Sendable, Equatable {
    case address(IPAddress)
    /// Names end with a dot.
    case service(target: String, port: Int)
    case mailExchange(String)
    case nameServer(String)
}
