/// What YAML 1.1 makes of a plain scalar, as Go's yaml package (v2) does for Prometheus.
enum YAMLScalar {
    static func bool(_ text: String) -> Bool? {
        switch text {
        case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": true
        case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": false
        default: nil
        }
    }

    /// A whole number: decimal, 0x, 0o, 0b or with a leading zero octal, underscores allowed, and a float
    /// without a fraction (`1e3`).
    static func integer(_ text: String) -> Int64? {
        var digits = Substring(text.filter { $0 != "_" })
        let negative = digits.first == "-"
        if negative || digits.first == "+" { digits = digits.dropFirst() }
        guard let first = digits.utf8.first, (0x30...0x39).contains(first) || first == 0x2E else {
            return nil
        }
        let sign = negative ? "-" : ""
        let lower = digits.lowercased()
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where lower.hasPrefix(prefix) {
            return Int64(sign + lower.dropFirst(2), radix: radix)
        }
        if lower.utf8.count > 1, lower.hasPrefix("0"), lower.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return Int64(sign + lower, radix: 8)
        }
        if let value = Int64(sign + digits) { return value }
        return number(text).flatMap(Int64.init(exactly:))
    }

    /// A number in decimal notation, with or without an exponent.
    static func number(_ text: String) -> Double? {
        let allowed = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65, 0x5F].contains($0)
        }
        guard allowed, text.utf8.contains(where: { (0x30...0x39).contains($0) }) else { return nil }
        return Double(text.filter { $0 != "_" })
    }
}
