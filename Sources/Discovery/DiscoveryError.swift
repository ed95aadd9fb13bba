import Platform

/// Why something discovered is no target.
public struct DiscoveryError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable {
        case badTarget
        case badGlob
        /// A server's answer, or none.
        case badAnswer
    }

    public let code: Code
    public let message: String
    /// The target group's source or the pattern.
    public let place: String

    public init(_ code: Code, _ message: String, place: String) {
        self.code = code
        self.message = VisibleText.shown(message)
        self.place = place
    }

    public var description: String { "\(place): \(message)" }
}
