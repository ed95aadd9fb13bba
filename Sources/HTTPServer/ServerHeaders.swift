/// One header field as it stood in the message.
public struct ServerHeader: Sendable, Hashable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// Header fields in the order they came, repeats kept; names are looked up without regard to case.
public struct ServerHeaders: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    public private(set) var fields: [ServerHeader]

    public init(_ fields: [ServerHeader] = []) { self.fields = fields }

    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { ServerHeader($0.0, $0.1) }
    }

    /// The first value of this name; nil when the name is absent.
    public subscript(name: String) -> String? {
        fields.first { Self.equal($0.name, name) }?.value
    }

    /// Every value of this name, in order.
    public func all(_ name: String) -> [String] {
        fields.filter { Self.equal($0.name, name) }.map(\.value)
    }

    /// Adds a field after those already there.
    public mutating func add(_ name: String, _ value: String) { fields.append(ServerHeader(name, value)) }

    private static func equal(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8) { lower($0) == lower($1) }
    }

    private static func lower(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
}
