import Platform

/// Why the agent cannot start or go on, in words for whoever started it.
public struct AgentError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, by kind; each is an exit status of the command.
    public enum Code: Int32, Sendable {
        /// What was tried by hand would be refused.
        case refused = 1
        /// The configuration cannot be read or is wrong.
        case configuration = 2
        /// The storage directory cannot be used.
        case storage = 3
        /// The listen address cannot be bound.
        case listen = 4
        /// What a command shows cannot be written; the number is EX_IOERR of sysexits(3).
        case output = 74
    }

    public let code: Code
    public let message: String
    /// Whether it is about a configuration that could not be read, which may be as good as the one before.
    let isOfReading: Bool
    /// Whether the same may succeed in a little while.
    let mayPass: Bool

    public init(_ code: Code, _ message: String) { self.init(code, message, isOfReading: false) }

    init(_ code: Code, _ message: String, isOfReading: Bool, mayPass: Bool = false) {
        self.code = code
        self.message = VisibleText.shownLines(message)
        self.isOfReading = isOfReading
        self.mayPass = mayPass
    }

    public var description: String { message }
}
