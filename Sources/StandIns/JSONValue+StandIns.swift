internal import JSON

extension JSONValue {
    /// A map with its keys sorted, so that answers are the same each time.
    static func map(_ values: [String: String]) -> JSONValue { map(values, JSONValue.string) }
    static func map(_ values: [String: UInt64]) -> JSONValue { map(values) { .integer($0) } }

    private static func map<Value>(_ values: [String: Value], _ json: (Value) -> JSONValue) -> JSONValue {
        .object(values.sorted { $0.key < $1.key }.map { Member($0.key, json($0.value)) })
    }

    /// How faults are told, by AWS and by the pages for other processes.
    static func message(_ text: String) -> JSONValue { ["message": .string(text)] }
}
