import Addresses
import JSON
import Platform

/// How the values of a key are shown: without what is, or may be, a secret.
enum ShownValue {
    case plain
    /// A URL, or the address of a target, which some write as one: shown without user, query and fragment.
    case address
    case secret

    init(_ key: KeyTable.Key) {
        if Schema.isSecret(key) {
            self = .secret
        } else if key.type.hasPrefix("URL") || key.name == "targets" {
            self = .address
        } else {
            self = .plain
        }
    }

    /// A value on one line of YAML.
    func inline(_ node: YAMLNode) -> String {
        switch node.content {
        case .scalar(let text, let plain):
            switch self {
            case .secret: return node.isNull ? "null" : "<secret>"
            case .address: return Self.address(text)
            case .plain: return plain ? Self.word(text) : Self.text(text)
            }
        case .sequence(let items):
            return "[" + items.map { inline($0) }.joined(separator: ", ") + "]"
        case .mapping(let entries):
            let pairs = entries.map {
                "\(JSONText.quoted($0.key.scalarText ?? "")): \(inline($0.value))"
            }
            return "{" + pairs.joined(separator: ", ") + "}"
        }
    }

    /// What was written without quotes, quoted unless it is a word or a number.
    static func word(_ text: String) -> String {
        let isWord =
            !text.isEmpty
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || [0x2D, 0x2E, 0x2F, 0x5F].contains($0)
            }
        let begins = text.utf8.first.map { $0 != 0x2D } ?? false
        return isWord && begins ? text : Self.text(text)
    }

    private static func address(_ text: String) -> String {
        if text.contains("://") {
            if let url = HTTPURL(text) { return JSONText.quoted("\(url)") }
            return text.contains("@") ? "<secret>" : JSONText.quoted(HTTPURL.shownStart(of: text) ?? "")
        }
        guard text.contains("@") else { return word(text) }
        // A proxy by its host and port alone.
        return HTTPURL("http://" + text).map { JSONText.quoted(String("\($0)".dropFirst(7))) } ?? "<secret>"
    }

    /// Any text, in quotes. What stands before an `@` in a URL within it may be a password.
    private static func text(_ text: String) -> String {
        guard text.contains("://"), text.contains("@") else { return JSONText.quoted(text) }
        var result = ""
        var rest = Substring(text)
        while let mark = rest.firstRange(of: "://") {
            result += rest[..<mark.upperBound]
            rest = rest[mark.upperBound...]
            let host = rest.prefix { $0 != "/" && !$0.isWhitespace }
            if let at = host.lastIndex(of: "@") {
                result += "<secret>"
                rest = rest[at...]
            }
        }
        return JSONText.quoted(result + rest)
    }
}
