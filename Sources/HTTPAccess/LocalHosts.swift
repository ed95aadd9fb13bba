import Addresses

/// Addresses that no proxy can reach for us: this machine's own and those of its link, where the metadata
/// services of ECS and EC2 are.
enum LocalHosts {
    private static let networks: [(address: IPAddress, bits: Int)] =
        [("169.254.0.0", 16), ("fe80::", 10), ("fd00:ec2::", 32)].compactMap { text, bits in
            IPAddress(text).map { ($0, bits) }
        }

    /// `host` as in a URL, brackets of an IPv6 address included.
    static func contains(_ host: String) -> Bool {
        var host = host.lowercased()
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host == "localhost" { return true }
        guard let address = IPAddress(host) else { return false }
        return address.isLoopback || networks.contains { address.isWithin($0.address, bits: $0.bits) }
    }
}
