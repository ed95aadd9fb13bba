/// Where the status page listens: the value of `--web.listen-address`.
public struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// A numeric address without brackets or a name; nil for every interface.
    public let host: String?
    /// 0 for any free port.
    public let port: Int

    public init(host: String?, port: Int) {
        self.host = host
        self.port = port
    }

    /// Loopback at Prometheus' own port.
    public static let standard = ListenAddress(host: "127.0.0.1", port: 9_090)

    /// Reads `host:port`: `127.0.0.1:9090`, `localhost:9090`, `[::1]:9090`, and `:9090` for every interface.
    public static func parse(_ text: String) throws(StatusError) -> ListenAddress {
        func refuse(_ why: String) -> StatusError {
            StatusError(
                .badAddress,
                "'\(text)' is no listen address: \(why). Write host:port, for instance 127.0.0.1:9090 "
                    + "(this machine only), [::1]:9090, or :9090 (every interface)")
        }
        guard let colon = text.lastIndex(of: ":") else { throw refuse("it has no port") }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.count <= 5, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let port = Int(digits), port <= 65_535
        else { throw refuse("a port is a number from 0 to 65535") }
        var host = text[..<colon]
        if host.isEmpty { return ListenAddress(host: nil, port: port) }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { throw refuse("only an IPv6 address stands in brackets") }
        } else if host.contains(":") {
            throw refuse("an IPv6 address stands in brackets")
        }
        guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !Self.forbidden.contains($0) }) else {
            throw refuse("the host has characters that no host name has")
        }
        return ListenAddress(host: String(host), port: port)
    }

    public var description: String {
        guard let host else { return ":\(port)" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Host and port as a URL has them, for a program on this machine. An address that stands for every
    /// interface becomes loopback.
    public var localAuthority: String {
        guard let host, host != "0.0.0.0", host != "::" else { return "127.0.0.1:\(port)" }
        return "\(ListenAddress(host: host, port: port))"
    }

    /// The variable that stands for `--web.listen-address` where that flag is not given.
    public static let variable = "NARTHEX_WEB_LISTEN_ADDRESS"

    /// The addresses in the variable's value: any number with commas between.
    public static func list(_ text: String) -> [String] {
        text.split(whereSeparator: { $0 == "," || $0.isWhitespace }).map(String.init)
    }

    /// What a URL or a second address in the same flag would need.
    private static let forbidden = Set("/?#@[],'\"\\".utf8)
}
