import Addresses

/// Where a plain connection goes: an address and a port. A link-local IPv6 address also has the number of its
/// network interface, which is 0 for every other address.
struct PlainAddress: Hashable, Sendable {
    let address: IPAddress
    let port: UInt16
    let scope: UInt32

    init(_ address: IPAddress, port: UInt16, scope: UInt32 = 0) {
        self.address = address
        self.port = port
        self.scope = scope
    }

    /// An IPv4 address, its first octet in the highest bits.
    init(address: UInt32, port: UInt16) { self.init(IPAddress(ipv4: address), port: port) }
}

/// What a connection that is kept may be used for again: requests by the same name, or by the same address.
struct PlainPlace: Hashable, Sendable {
    let address: PlainAddress
    /// Nil where the URL holds the address itself.
    let name: String?
}
