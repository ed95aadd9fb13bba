internal import JSON

/// JSON to values, for stand-ins only.
enum JSONText {
    static func decode<Value: JSONReadable>(
        _ type: Value.Type, from bytes: [UInt8]
    ) throws(JSONError) -> Value {
        try JSONReader.read(type, from: bytes)
    }
}
