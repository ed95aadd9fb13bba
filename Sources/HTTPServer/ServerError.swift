/// Why a server could not start or stop.
public struct ServerError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable { case badAddress, listen, stop }

    public let code: Code
    /// What happened, where, and what to do.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
