import JSON

/// The JSON schema (draft-07) of configuration files, made from the tables that decoding reads. For editors:
/// it knows names and types, and leaves what depends on several keys to `narthex check-config`.
public enum ConfigurationSchema {
    /// As it lies in config/narthex.schema.json, with a newline at its end.
    public static var text: String { root.text(.lines(depth: .max)) + "\n" }

    private static var root: JSONValue {
        var members: [JSONValue.Member] = [
            .init("$schema", "http://json-schema.org/draft-07/schema#"),
            .init("title", "Configuration of Narthex, in the schema of Prometheus 3.14"),
        ]
        if case .object(let own) = block(Schema.top) { members += own }
        let others = Schema.all.filter { $0.name != Schema.top.name && !$0.name.contains(" ") }
        members.append(
            .init("definitions", .object(others.map { JSONValue.Member($0.name, block($0)) })))
        return .object(members)
    }

    /// An object of the keys of a table.
    private static func block(_ table: KeyTable) -> JSONValue {
        var properties: [JSONValue.Member] = []
        var names: Set<String> = []
        for key in table.allKeys where names.insert(key.name).inserted {
            let ignored = table.ignored.first { $0.name == key.name }
            properties.append(.init(key.name, property(key, ignored)))
        }
        for ignored in table.ignored where names.insert(ignored.name).inserted {
            properties.append(.init(ignored.name, told("\(ignored.name) \(ignored.sentence).")))
        }
        for refused in table.refused where names.insert(refused.name).inserted {
            properties.append(.init(refused.name, told("Refused: \(refused.name) \(refused.reason).")))
        }
        return .object([
            "type": .strings(["object", "null"]), "additionalProperties": false,
            "properties": .object(properties),
        ])
    }

    /// Any value, with a sentence.
    private static func told(_ sentence: String) -> JSONValue {
        .object(["description": .string(sentence), "deprecated": true])
    }

    private static func property(_ key: KeyTable.Key, _ ignored: KeyTable.Ignored?) -> JSONValue {
        var sentences: [String] = []
        if !key.defaultText.isEmpty { sentences.append("Default: \(key.defaultText).") }
        if let ignored { sentences.append("\(ignored.name) \(ignored.sentence).") }
        let described = sentences.isEmpty ? nil : JSONValue.string(sentences.joined(separator: " "))
        // A key without a value is one that is not written.
        return .object([
            "description": described,
            "anyOf": .array([value(key.type, Schema.table(of: key)), .object(["type": "null"])]),
        ])
    }

    /// What a type text of the tables takes.
    private static func value(_ type: String, _ table: KeyTable?) -> JSONValue {
        for (prefix, isList) in [("list of ", true), ("mapping of ", false)] where type.hasPrefix(prefix) {
            let inner = value(String(type.dropFirst(prefix.count)), table)
            return isList
                ? .object(["type": "array", "items": inner])
                : .object(["type": "object", "additionalProperties": inner])
        }
        switch type {
        case "mapping":
            guard let table else { return .object(["type": "object"]) }
            return .object(["$ref": .string("#/definitions/\(table.name)")])
        case "bool": return orVariable(.object(["type": "boolean"]))
        case "int": return orVariable(.object(["type": "integer", "minimum": .integer(0)]))
        case "number": return orVariable(.object(["type": "number"]))
        // In any case, as in Prometheus.
        case "http or https": return orVariable(.object(["pattern": "^[Hh][Tt][Tt][Pp][Ss]?$"]))
        case "duration": return pattern("^([0-9]+(y|w|d|h|m|s|ms))+$|^0$")
        case "size": return pattern("^([0-9.]+([KMGTPE]i?)?B)+$|^0$")
        default: return choices(type).map { orVariable($0) } ?? scalar
        }
    }

    /// A text of a form, with variables in the place of it or of parts, or the number 0.
    private static func pattern(_ text: String) -> JSONValue {
        .object([
            "anyOf": .array([
                .object(["type": "string", "pattern": .string(text)]),
                .object(["type": "string", "pattern": .string(variable)]),
                .object(["const": .integer(0)]),
            ])
        ])
    }

    /// A value, or variables in its place.
    private static func orVariable(_ value: JSONValue) -> JSONValue {
        .object([
            "anyOf": .array([value, .object(["type": "string", "pattern": .string(variable)])])
        ])
    }

    /// `${NAME}` of `--config.expand-env`.
    private static let variable = "\\$\\{[A-Za-z_]"

    /// Any single value: as in Go's yaml, numbers and truth values count as texts as written.
    private static let scalar = JSONValue.object(["type": .strings(["string", "number", "boolean"])])

    /// `http or https`, `A, AAAA, SRV, MX or NS`, and types of one value alone.
    private static func choices(_ type: String) -> JSONValue? {
        if ["ecs", "prometheus-ecs-discovery"].contains(type) { return .object(["enum": .strings([type])]) }
        if type == "http or https" {
            return .object(["enum": .strings(["http", "https", "HTTP", "HTTPS"])])
        }
        guard let or = type.firstRange(of: " or ") else { return nil }
        let names = type[..<or.lowerBound].split(separator: ", ").map(String.init)
        return .object(["enum": .strings(names + [String(type[or.upperBound...])])])
    }
}
