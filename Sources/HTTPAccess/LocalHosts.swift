import Addresses

/// Addresses that no proxy can reach for us: this machine's own and those of its link, where the metadata
/// services of ECS and EC2 are.
enum LocalHosts {
    private static let networks: [(address: IPAddress, bits: Int)] =
        [("169.254.0.0", 16), ("fe80::", 10), ("fd00:ec2::", 32)].compactMap { text, bits in
            IPAddress(text).map { ($0, bits) }
        }

    static func contains(_ url: HTTPURL) -> Bool {
        guard let address = url.address else { return url.hostName == "localhost" }
        return address.isLoopback || networks.contains { address.isWithin($0.address, bits: $0.bits) }
    }
}
