/// A type that a JSON value can be read as.
public protocol JSONReadable {
    /// Throws when `json` is a value of another kind, or lacks what it must have.
    init(json: JSONNode) throws(JSONMismatch)
}

extension JSONReader {
    /// The value that `bytes` hold, as a `Value`. Errors name the member and its place in the text.
    public static func read<Value: JSONReadable>(
        _ type: Value.Type, from bytes: [UInt8], nodeLimit: Int = 1_000_000, rules: JSONRules = .strict
    ) throws(JSONError) -> Value {
        let root = try read(bytes, nodeLimit: nodeLimit, rules: rules)
        do throws(JSONMismatch) {
            return try Value(json: root)
        } catch {
            let place = JSONPlace(offset: error.offset, in: bytes)
            throw JSONError(
                place: place, message: error.path.isEmpty ? error.message : "\(error.path): \(error.message)")
        }
    }
}

extension String: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        guard case .string(let text) = json.content else {
            throw JSONMismatch("a string must stand here and not \(json.kind)", at: json)
        }
        self = text
    }
}

extension Int: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) { self = try json.integer() }
}

extension Int64: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) { self = try json.integer() }
}

extension UInt64: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) { self = try json.integer() }
}

extension Array: JSONReadable where Element: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        guard case .array(let items) = json.content else {
            throw JSONMismatch("an array must stand here and not \(json.kind)", at: json)
        }
        self = []
        reserveCapacity(items.count)
        for (index, item) in items.enumerated() {
            do throws(JSONMismatch) { append(try Element(json: item)) } catch { throw error.inItem(index) }
        }
    }
}

extension Dictionary: JSONReadable where Key == String, Value: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let members = try json.members()
        self.init(minimumCapacity: members.count)
        // The key is the text's, so that an error names the object alone; its place shows the value.
        for member in members { self[member.key] = try Value(json: member.value) }
    }
}

extension JSONNode {
    /// The members of an object.
    func members() throws(JSONMismatch) -> [Member] {
        guard case .object(let members) = content else {
            throw JSONMismatch("an object must stand here and not \(kind)", at: self)
        }
        return members
    }

    /// An integer in the range of `Number`, however it is written: `2e3` is 2,000.
    fileprivate func integer<Number: FixedWidthInteger>() throws(JSONMismatch) -> Number {
        guard case .number(let text) = content else {
            throw JSONMismatch("an integer must stand here and not \(kind)", at: self)
        }
        guard let number = Number(text) ?? Double(text).flatMap(Number.init(exactly:)) else {
            throw JSONMismatch("an integer from \(Number.min) to \(Number.max) must stand here", at: self)
        }
        return number
    }

    /// In errors.
    fileprivate var kind: String {
        switch content {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
