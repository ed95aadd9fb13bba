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
    /// Whether the same may succeed in a little while: the network, the service, or what gives credentials
    /// and the region is not well.
    public let mayPass: Bool

    /// `isTransient` says that it may pass though the code alone does not: a server's fault (5xx) by any
    /// name, or credentials that could not be asked for.
    public init(_ code: Code, message: String, operation: String, isTransient: Bool = false) {
        self.code = code
        self.message = VisibleText.shown(message)
        self.operation = operation
        switch code {
        case .throttled, .transport: mayPass = true
        case .cancelled: mayPass = false
        default: mayPass = isTransient
        }
    }

    public var description: String { "\(operation): \(message)" }
}
