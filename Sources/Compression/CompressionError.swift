/// Why bytes could not be decoded.
public struct CompressionError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable {
        /// It is not what it was announced as, it is cut, or its checks do not hold.
        case damaged
        /// Decoded it is longer than the caller takes.
        case tooLarge
        /// The caller has no memory for it now.
        case noRoom
    }

    public let code: Code
    /// A sentence about the compressed bytes, without their contents.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
