/// Headers that a client sets itself, and the rules for those that a configuration adds.
enum ReservedHeaders {
    /// Prometheus' list (common/config/headers.go), in lower case.
    private static let names: Set<String> = [
        "authorization", "host", "content-encoding", "content-length", "content-type", "user-agent",
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "www-authenticate",
        "accept-encoding", "transfer-encoding", "x-prometheus-remote-write-version",
        "x-prometheus-remote-read-version", "x-prometheus-scrape-timeout-seconds", "x-amz-date",
        "x-amz-security-token", "x-amz-content-sha256",
    ]

    /// Nil when `name` may be sent; else what is wrong.
    static func problem(_ name: String) -> String? {
        guard isToken(name) else { return "\(quoted(name)) is not a header's name" }
        guard names.contains(name.lowercased()) else { return nil }
        return "\(name) is a reserved header; it must not be changed"
    }

    /// True when `value` fits on a header's line.
    static func isValue(_ value: String) -> Bool {
        value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }

    /// RFC 9110 §5.6.2.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0)
                    || "!#$%&'*+-.^_`|~".utf8.contains($0)
            }
    }
}
