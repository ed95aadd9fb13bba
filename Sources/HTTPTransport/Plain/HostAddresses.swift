import Addresses
internal import CCurl

/// An address of a host, as the resolver gives it.
struct HostAddress: Hashable, Sendable {
    let address: IPAddress
    /// The number of the interface of an IPv6 address that holds on one link alone; 0 for every other.
    let scope: UInt32

    init(_ address: IPAddress, scope: UInt32 = 0) {
        self.address = address
        self.scope = scope
    }
}

/// What the system knows of hosts and interfaces.
enum HostAddresses {
    /// Of one name so many addresses are used; any others are left out.
    private static let most = 32

    /// The addresses of a name in lower case, in the order in which they are to be tried; none when it has
    /// none or cannot be looked up. Blocks, for half a minute when name servers are silent.
    static func find(_ name: String) -> [HostAddress] {
        // As libcurl: never looked up, so that no name server says where the local host is (RFC 6761 §6.3).
        let bare = name.hasSuffix(".") ? name.dropLast() : name[...]
        if bare == "localhost" || bare.hasSuffix(".localhost") { return localHost }
        var found = [narthex_host_address](repeating: narthex_host_address(), count: most)
        // Safety: the buffer is filled for at most its own length.
        let count = unsafe found.withUnsafeMutableBufferPointer {
            unsafe narthex_find_host(name, $0.baseAddress, Int32($0.count))
        }
        let addresses = found.prefix(Int(count)).compactMap { one -> HostAddress? in
            // Safety: the field is sixteen plain bytes.
            let bytes = unsafe withUnsafeBytes(of: one.bytes) { unsafe Array($0) }
            let address = IPAddress(bytes: Array(bytes.prefix(Int(one.count))))
            return address.map { HostAddress($0, scope: one.scope) }
        }
        return alternating(addresses)
    }

    /// The number of the interface that a URL's zone names; nil when there is none. A zone may be the number
    /// itself (RFC 4007 §11.2).
    static func scope(ofZone zone: String) -> UInt32? {
        if zone.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) { return UInt32(zone) }
        // Safety: the name is read within the call.
        let number = unsafe narthex_interface_number(zone)
        return number == 0 ? nil : number
    }

    /// Families by turns, the first address's first (RFC 8305 §4): where one family does not work, the other
    /// has its turn at once. Each address once.
    static func alternating(_ addresses: [HostAddress]) -> [HostAddress] {
        var seen: Set<HostAddress> = []
        let all = addresses.filter { seen.insert($0).inserted }
        guard let first = all.first else { return [] }
        let isFour = first.address.ipv4 != nil
        let preferred = all.filter { ($0.address.ipv4 != nil) == isFour }
        let others = all.filter { ($0.address.ipv4 != nil) != isFour }
        var result: [HostAddress] = []
        for index in 0..<max(preferred.count, others.count) {
            if index < preferred.count { result.append(preferred[index]) }
            if index < others.count { result.append(others[index]) }
        }
        return result
    }

    private static let localHost = ["::1", "127.0.0.1"].compactMap { IPAddress($0) }.map { HostAddress($0) }
}
