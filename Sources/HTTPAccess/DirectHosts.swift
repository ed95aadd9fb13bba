import Addresses

/// The hosts of `no_proxy`: addresses, networks, domains with everything below them, each with a port or
/// without; `*` for all. `localhost` and loopback addresses are always among them.
struct DirectHosts: Sendable {
    private enum Entry: Sendable {
        case address(IPAddress, port: String?)
        case network(IPAddress, bits: Int)
        /// `suffix` begins with a dot; `matchesItself` when the domain was written without one.
        case domain(suffix: String, matchesItself: Bool, port: String?)
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
        var host = word
        var port: String?
        if IPAddress(word) == nil, let colon = word.lastIndex(of: ":") {
            host = String(word[..<colon])
            port = String(word[word.index(after: colon)...])
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if let address = IPAddress(host) { return .address(address, port: port) }
        if host.hasPrefix("*.") { host.removeFirst() }
        guard !host.isEmpty else { return nil }
        return host.hasPrefix(".")
            ? .domain(suffix: host, matchesItself: false, port: port)
            : .domain(suffix: ".\(host)", matchesItself: true, port: port)
    }

    /// `host` as in a URL, brackets of an IPv6 address included.
    func contains(host: String, port: String) -> Bool {
        var host = host.lowercased()
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host == "localhost" { return true }
        let address = IPAddress(host)
        if let address, address.isLoopback { return true }
        if takesAll { return true }
        return entries.contains { entry in
            switch entry {
            case .address(let other, let only): address == other && (only == nil || only == port)
            case .network(let network, let bits): address.map { $0.isWithin(network, bits: bits) } ?? false
            case .domain(let suffix, let matchesItself, let only):
                (host.hasSuffix(suffix) || matchesItself && host == suffix.dropFirst())
                    && (only == nil || only == port)
            }
        }
    }
}
