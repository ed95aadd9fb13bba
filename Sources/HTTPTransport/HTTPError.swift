import Platform

/// Why there is no response.
public struct HTTPError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The time of the request, or for connecting, was up.
        case timeout
        /// The host's name has no address.
        case resolve
        /// No connection came about.
        case connect
        /// The connection ended or broke before the response was whole and before any of its body came.
        case connectionReset
        case tls
        /// The body ended before its announced end.
        case truncated
        case bodyTooLarge
        /// The body is not the gzip it claims to be.
        case badContentEncoding
        /// What came is not HTTP, or its headers are without bounds.
        case malformedResponse
        case tooManyRedirects
        case badURL
        /// A header that cannot be sent.
        case badRequest
        /// A file or a token that the request needs could not be had.
        case credentials
        /// There is no memory for the body within what bodies may hold.
        case overloaded
        case cancelled
        /// The client was shut down.
        case shutDown
        case other
    }

    public let code: Code
    /// What happened and where: scheme, host, port and path; never user, password, query or header values.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = VisibleText.shown(message)
    }

    public var description: String { message }
}
