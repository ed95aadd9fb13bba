/// A value of a JSON text (RFC 8259), with the place where it begins.
public struct JSONNode: Sendable, Equatable {
    public enum Content: Sendable, Equatable {
        case null
        case bool(Bool)
        /// As it is written: a double loses digits of large integers. The reader has checked its form, and
        /// by strict rules that it is in a double's range.
        case number(String)
        case string(String)
        case array([JSONNode])
        /// In the order of the text. No two keys are the same unless the reader's rules allow that; then the
        /// last one counts.
        case object([Member])
    }

    public struct Member: Sendable, Equatable {
        public let key: String
        /// Bytes before the key's opening quote.
        public let offset: Int
        public let value: JSONNode

        public init(key: String, offset: Int, value: JSONNode) {
            self.key = key
            self.offset = offset
            self.value = value
        }
    }

    public let content: Content
    /// Bytes before the value's first one; `JSONPlace` says the line and the column.
    public let offset: Int

    public init(_ content: Content, offset: Int) {
        self.content = content
        self.offset = offset
    }

    /// The value of an object's member; nil without it, and of anything but an object.
    public subscript(key: String) -> JSONNode? {
        guard case .object(let members) = content else { return nil }
        return members.last { $0.key == key }?.value
    }

    /// The text of a string; nil of anything else.
    public var string: String? {
        guard case .string(let text) = content else { return nil }
        return text
    }

    /// A number, finite; nil of anything else, and of a number that is larger than a double can be.
    public var number: Double? {
        guard case .number(let text) = content, let number = Double(text), number.isFinite else { return nil }
        return number
    }
}
