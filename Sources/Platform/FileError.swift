/// Why a file operation failed, with the place.
public struct FileError: Error, Sendable, CustomStringConvertible {
    /// The system call or step, for instance `fdatasync`.
    public let operation: String
    public let path: String
    /// The kernel's errno; 0 when the fault is not the kernel's (for instance a short read).
    public let errno: Int32
    public let message: String

    public init(operation: String, path: String, errno: Int32, message: String) {
        self.operation = operation
        self.path = path
        self.errno = errno
        self.message = message
    }

    public var description: String { VisibleText.shown("\(operation) \(path): \(message)") }
}
