/// Why a text is no JSON. Never quotes the text, which may be a secret.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    public let place: JSONPlace
    /// What is wrong there.
    public let message: String

    public init(place: JSONPlace, message: String) {
        self.place = place
        self.message = message
    }

    /// `line:column: message`.
    public var description: String { "\(place): \(message)" }
}
