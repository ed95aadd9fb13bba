import Addresses

/// The hosts of `no_proxy`: addresses, networks, domains with everything below them, each with a port or
/// without; `*` for all. `localhost` and loopback addresses are always among them.
struct DirectHosts: Sendable {
    private enum Entry: Sendable {
        case address(IPAddress, port: UInt16?)
        case network(IPAddress, bits: Int)
        /// `suffix` begins with a dot; `matchesItself` when the domain was written without one.
        case domain(suffix: String, matchesItself: Bool, port: UInt16?)
    }

    private var takesAll = false
    private var entries: [Entry] = []

    init(_ text: String) {
        for part in text.split(separator: ",") {
            let word = part.lowercased().filter { $0 != " " && $0 != "\t" }
            if word.isEmpty { continue }
            if word == "*" {
                takesAll = true
                return
            }
            if let entry = Self.entry(word) { entries.append(entry) }
        }
    }

    private static func entry(_ word: String) -> Entry? {
        if let slash = word.firstIndex(of: "/") {
            guard let address = IPAddress(String(word[..<slash])),
                let bits = Int(word[word.index(after: slash)...]), (0...address.bitCount).contains(bits)
            else { return nil }
            return .network(address, bits: bits)
        }
        if let address = IPAddress(word) { return .address(address, port: nil) }
        // `*.a` says the same as `.a`.
        guard let place = HostPort(word.hasPrefix("*.") ? String(word.dropFirst()) : word) else { return nil }
        if let address = place.address { return .address(address, port: place.port) }
        return place.host.hasPrefix(".")
            ? .domain(suffix: place.host, matchesItself: false, port: place.port)
            : .domain(suffix: ".\(place.host)", matchesItself: true, port: place.port)
    }

    func contains(_ url: HTTPURL) -> Bool {
        let host = url.hostName
        if host == "localhost" { return true }
        let address = url.address
        if let address, address.isLoopback { return true }
        if takesAll { return true }
        return entries.contains { entry in
            switch entry {
            case .address(let other, let only): address == other && (only == nil || only == url.port)
            case .network(let network, let bits): address.map { $0.isWithin(network, bits: bits) } ?? false
            case .domain(let suffix, let matchesItself, let only):
                (host.hasSuffix(suffix) || matchesItself && host == suffix.dropFirst())
                    && (only == nil || only == url.port)
            }
        }
    }
}
