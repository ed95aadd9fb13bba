internal import Platform

/// A value to be written as JSON (RFC 8259). `JSONNode` is what was read.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    /// Written in this order. That no name stands twice is the caller's part.
    case object([Member])

    public struct Member: Sendable, Equatable {
        public let name: String
        public let value: JSONValue

        public init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    public static func integer(_ value: some FixedWidthInteger & Sendable) -> JSONValue {
        .number(JSONNumber(value))
    }

    /// JSON has no NaN and no infinity: they are the strings `NaN`, `+Inf` and `-Inf`, as in Prometheus' API.
    /// Who refuses them asks `JSONNumber`.
    public static func double(_ value: Double) -> JSONValue {
        if let number = JSONNumber(value) { return .number(number) }
        return .string(value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf")
    }

    public static func strings(_ values: some Sequence<String>) -> JSONValue {
        .array(values.map(JSONValue.string))
    }

    /// An object without the members that are nil.
    public static func object(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
        .object(members.compactMap { name, value in value.map { Member(name, $0) } })
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByDictionaryLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(dictionaryLiteral members: (String, JSONValue)...) {
        self = .object(members.map { Member($0.0, $0.1) })
    }
}

/// How JSON is laid out.
public enum JSONLayout: Sendable, Equatable {
    /// Without any white space.
    case compact
    /// Arrays and objects nested less than `depth` levels have a line an item, indented by two spaces for
    /// each level. Deeper ones stand on one line, with a space after each comma and colon. `Int.max` means
    /// a line an item everywhere.
    case lines(depth: Int)
}

extension JSONValue {
    /// The value as text, without a newline at its end.
    public func text(_ layout: JSONLayout = .compact) -> String {
        var result = ""
        write(layout, to: &result)
        return result
    }

    /// Appends the value, so that a long answer can be written value by value.
    public func write(_ layout: JSONLayout = .compact, to text: inout String) {
        write(layout, level: 0, to: &text)
    }

    private func write(_ layout: JSONLayout, level: Int, to text: inout String) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let number): text += number.text
        case .string(let string): JSONText.quote(string, into: &text)
        case .array(let items):
            Self.write(items, "[", "]", layout, level, to: &text) { item, text in
                item.write(layout, level: level + 1, to: &text)
            }
        case .object(let members):
            Self.write(members, "{", "}", layout, level, to: &text) { member, text in
                JSONText.quote(member.name, into: &text)
                text += layout == .compact ? ":" : ": "
                member.value.write(layout, level: level + 1, to: &text)
            }
        }
    }

    private static func write<Item>(
        _ items: [Item], _ open: String, _ close: String, _ layout: JSONLayout, _ level: Int,
        to text: inout String, each: (Item, inout String) -> Void
    ) {
        guard !items.isEmpty else { return text += open + close }
        var separator = ","
        var end = close
        text += open
        if case .lines(let depth) = layout {
            if level < depth {
                let line = "\n" + String(repeating: "  ", count: level + 1)
                text += line
                separator = "," + line
                end = line.dropLast(2) + close
            } else {
                separator = ", "
            }
        }
        for (index, item) in items.enumerated() {
            if index > 0 { text += separator }
            each(item, &text)
        }
        text += end
    }
}
