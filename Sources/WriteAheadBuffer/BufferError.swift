public import Platform

/// Why the buffer could not do what it was asked, and where.
public struct BufferError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// Another process uses the directory.
        case locked
        /// The directory was written by a version of Narthex with another format.
        case unsupportedVersion
        /// The file system refused.
        case io
        /// A frame that contradicts itself or is too large; it was not stored.
        case invalidFrame
        /// A position that was not handed out; nothing was changed.
        case invalidAcknowledgement
        /// `close()` was called.
        case closed
    }

    public let code: Code
    /// What is wrong and what to do.
    public let message: String
    public let segment: UInt64?
    public let offset: UInt64?
    public let cause: FileError?

    init(
        _ code: Code, _ message: String, segment: UInt64? = nil, offset: UInt64? = nil,
        cause: FileError? = nil
    ) {
        self.code = code
        self.message = message
        self.segment = segment
        self.offset = offset
        self.cause = cause
    }

    /// A fault of the file system, told with what was being done.
    static func io(_ what: String, _ cause: FileError, segment: UInt64? = nil, offset: UInt64? = nil)
        -> BufferError
    {
        BufferError(.io, what, segment: segment, offset: offset, cause: cause)
    }

    /// A file of another format, or with features that came after this version; `reason` names it.
    static func unsupported(_ reason: String) -> BufferError {
        BufferError(
            .unsupportedVersion,
            "\(reason): run the version that wrote it until everything is delivered, and this one in another "
                + "directory")
    }

    public var description: String {
        var text = message
        if let segment { text += " (segment \(segment)" + (offset.map { " offset \($0)" } ?? "") + ")" }
        if let cause { text += ": \(cause)" }
        return text
    }
}
