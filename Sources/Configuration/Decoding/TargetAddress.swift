/// The rule for `__address__`, shared by configuration, target files and discovery.
public enum TargetAddress {
    /// Nil when `text` can be `__address__`: a host, or host:port. Else what is wrong.
    public static func problem(_ text: String) -> String? {
        if text.isEmpty { return "a target must be host:port, but this is empty" }
        if text.contains("/") {
            return "\(quoted(text)) is not host:port: a scheme or path does not belong in a target;"
                + " use scheme and metrics_path"
        }
        let isPrintable = text.unicodeScalars.allSatisfy { scalar in
            scalar.value > 0x20 && scalar.value != 0x7F && !"?#@\\\"<>^`{|}".unicodeScalars.contains(scalar)
        }
        guard isPrintable else { return "\(quoted(text)) is not host:port" }
        var rest = Substring(text)
        if rest.first == "[" {
            guard let close = rest.firstIndex(of: "]") else { return "\(quoted(text)) lacks the closing ]" }
            rest = rest[rest.index(after: close)...]
            if rest.isEmpty { return nil }
            guard rest.first == ":" else { return "\(quoted(text)) is not [address]:port" }
        } else {
            let colons = text.utf8.count { $0 == 0x3A }
            if colons > 1 {
                return "\(quoted(text)) is not host:port; an IPv6 address needs brackets: [::1]:9100"
            }
            guard let colon = rest.firstIndex(of: ":") else { return nil }
            guard colon != rest.startIndex else { return "\(quoted(text)) lacks the host" }
            rest = rest[colon...]
        }
        let port = rest.dropFirst()
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port),
            (1...65_535).contains(number)
        else { return "\(quoted(text)) has no port from 1 to 65535 after the colon" }
        return nil
    }
}
