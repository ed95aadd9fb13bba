/// A node of a YAML document with the place it stands at. An alias is a copy of what it names, at the alias' place;
/// the copy shares its storage.
struct YAMLNode {
    struct Entry {
        let key: YAMLNode
        let value: YAMLNode
    }

    enum Content {
        /// `plain`: written without quotes, so it may mean a number, a truth value or nothing.
        case scalar(text: String, plain: Bool)
        case sequence([YAMLNode])
        case mapping([Entry])
    }

    let content: Content
    var mark: YAMLMark
    /// How many nodes walking this one visits, aliases followed.
    let expandedCount: Int

    /// True for what YAML 1.1 reads as null: nothing at all, `~`, `null`.
    var isNull: Bool {
        guard case .scalar(let text, plain: true) = content else { return false }
        return text.isEmpty || ["~", "null", "Null", "NULL"].contains(text)
    }

    /// True for null and for an empty list or mapping: a key with such a value asks for nothing.
    var isEmpty: Bool {
        switch content {
        case .scalar: isNull
        case .sequence(let items): items.isEmpty
        case .mapping(let entries): entries.isEmpty
        }
    }

    /// What this is, for messages; never the value itself, which may be a secret.
    var kindName: String {
        switch content {
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .scalar(let text, let plain):
            if isNull {
                "empty"
            } else if plain, YAMLScalar.bool(text) != nil {
                "a truth value"
            } else if plain, YAMLScalar.number(text) != nil {
                "a number"
            } else {
                "a string"
            }
        }
    }
}

/// What YAML 1.1 makes of a plain scalar, as Go's yaml package (v2) does for Prometheus.
enum YAMLScalar {
    static func bool(_ text: String) -> Bool? {
        switch text {
        case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": true
        case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": false
        default: nil
        }
    }

    /// A whole number: decimal, 0x, 0o, 0b or with a leading zero octal, underscores allowed, and a float without a
    /// fraction (`1e3`).
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
