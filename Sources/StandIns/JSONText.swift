internal import FoundationEssentials
internal import JSON

/// JSON to and from values, for stand-ins only.
enum JSONText {
    static func object(_ fields: [String: String]) -> String { encode(fields) }

    /// Keys sorted, so that answers are the same each time.
    static func encode(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "+Inf", negativeInfinity: "-Inf", nan: "NaN")
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            preconditionFailure("a stand-in encodes only what can be encoded: \(error)")
        }
    }

    static func decode<Value: JSONReadable>(
        _ type: Value.Type, from bytes: [UInt8]
    ) throws(JSONError) -> Value {
        try JSONReader.read(type, from: bytes)
    }
}
