import Addresses

/// Where a plain request goes: an IPv4 address and a port.
struct PlainAddress: Hashable, Sendable {
    /// The first octet in the highest bits.
    let address: UInt32
    let port: UInt16
}

extension PlainAddress {
    init(_ url: IPv4Destination) {
        address = url.address
        port = url.port
    }
}
