/// A wrong command line, in words: one fault a line.
public struct CommandLineError: Error, Sendable, Equatable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) { self.message = message }

    public init(_ faults: [String]) {
        message =
            faults.count == 1
            ? faults[0]
            : "the command line has \(faults.count) faults:\n"
                + faults.map { "  \($0)" }.joined(separator: "\n")
    }

    public var description: String { message }
}
