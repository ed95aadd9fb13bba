internal import CPlatform

/// Why a name could not be looked up.
public struct ResolverError: Error, Sendable, Equatable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) { self.message = VisibleText.shown(message) }

    public var description: String { message }
}

/// DNS as resolv.conf says: search list, servers, time-outs, TCP for answers that were cut. Blocks: not for
/// Swift's cooperative pool.
public struct NameResolver: Sendable {
    /// A server at an IPv4 address.
    public struct Server: Sendable {
        let address: UInt32
        let port: UInt16

        public init(address: UInt32, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    /// The longest DNS message there is.
    private static let messageLimit = 65_535

    private let servers: [Server]

    /// `servers` take the place of those in resolv.conf, for tests; three at most are asked.
    public init(servers: [Server] = []) { self.servers = servers }

    /// The DNS message with the records of `type` (RFC 1035 §3.2.2) under `name`, hostile as any bytes from
    /// outside; empty when there is no such name or no such record.
    public func search(_ name: String, type: UInt16) throws(ResolverError) -> [UInt8] {
        let places = servers.map { narthex_name_server(address: $0.address, port: $0.port) }
        var answer = [UInt8](repeating: 0, count: Self.messageLimit)
        var problem: Int32 = 0
        // Safety: every buffer lives through the call, and no more than `capacity` bytes are written.
        let length = unsafe places.withUnsafeBufferPointer { places in
            unsafe answer.withUnsafeMutableBufferPointer { answer in
                unsafe narthex_dns_search(
                    name, Int32(type), places.baseAddress, Int32(places.count), answer.baseAddress,
                    Int32(answer.count), &problem)
            }
        }
        switch length {
        case 0...: return Array(answer.prefix(Int(length)))
        case -2: throw ResolverError("the resolver could not be set up from resolv.conf")
        default:
            // TRY_AGAIN is 2, NO_RECOVERY 3 (netdb.h).
            throw ResolverError(
                problem == 2 ? "no name server gave an answer in time" : "every name server refused to answer"
            )
        }
    }
}
