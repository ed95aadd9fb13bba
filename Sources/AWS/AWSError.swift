import Platform

/// Why AWS did not do what was asked, or was not asked at all.
public struct AWSError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        case throttled
        case accessDenied
        /// The session token's time is over, or the service does not know the key.
        case expiredCredentials
        /// No source had credentials, or one that was chosen is broken.
        case noCredentials
        case noRegion
        /// What the operation names does not exist.
        case notFound
        /// What is asked for is in that region, not in the one that was asked.
        case otherRegion(String)
        /// Any other error the service names, by that name, for instance `ClientException`.
        case service(String)
        /// No answer: the network, TLS, or time.
        case transport
        /// An answer that cannot be read, or a request that cannot be signed.
        case malformed
        case cancelled
    }

    public let code: Code
    /// What is wrong, where, and what to do. No secret.
    public let message: String
    /// For instance `ECS.ListTasks at https://ecs.eu-west-1.amazonaws.com`, or the file a profile stands in.
    public let operation: String

    public init(_ code: Code, message: String, operation: String) {
        self.code = code
        self.message = VisibleText.shown(message)
        self.operation = operation
    }

    /// Whether the same may succeed in a little while: the network, or the service, is not well.
    public var mayPass: Bool {
        switch code {
        case .throttled, .transport: true
        case .service(let name):
            name.hasPrefix("HTTP 5") || ["InternalError", "ServiceUnavailable"].contains(name)
        default: false
        }
    }

    public var description: String { "\(operation): \(message)" }
}
