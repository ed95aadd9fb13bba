import Addresses

/// Where a container's credentials are: AWS' page "Container credential provider".
struct ContainerEndpoint: Sendable, Equatable {
    /// The ECS agent, which `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is relative to.
    static let agent = "http://169.254.170.2"
    /// The ECS agent and the EKS pod identity agent: the only hosts besides loopback that are asked in clear
    /// text.
    private static let knownAddresses = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"].compactMap {
        IPAddress($0)
    }

    let url: String
    /// Names a file with the Authorization header; comes before `token`.
    let tokenFile: String?
    /// The Authorization header itself.
    let token: String?

    /// Scheme and host: the path may be as good as a password.
    var place: String { HTTPURL(url)?.origin ?? "a URL that is none" }

    /// Nil when the environment names no endpoint. Throws when it names one that must not be asked.
    static func find(_ environment: [String: String]) throws(AWSError) -> ContainerEndpoint? {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let url: String
        let name: String
        if let relative = value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            name = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
            // Without the slash the text would become part of the host.
            guard relative.utf8.first == UInt8(ascii: "/") else {
                throw fault("\(name) does not begin with /")
            }
            url = agent + relative
        } else if let full = value("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            name = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
            url = full
        } else {
            return nil
        }
        let parts: HTTPURL
        do throws(AddressError) { parts = try HTTPURL(parsing: url) } catch {
            throw fault("\(name) \(error)")
        }
        guard parts.scheme == .https || isAllowed(parts) else {
            throw fault(
                "\(name) is http:// to \(parts.hostName): credentials are fetched "
                    + "in clear text from loopback and the ECS and EKS agents only; use https://")
        }
        let token = value("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        return ContainerEndpoint(
            url: url, tokenFile: value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"), token: token)
    }

    private static func isAllowed(_ url: HTTPURL) -> Bool {
        guard let address = url.address else { return url.hostName == "localhost" }
        return address.isLoopback || knownAddresses.contains(address)
    }

    private static func fault(_ message: String) -> AWSError {
        AWSError(.noCredentials, message: message, operation: "container credentials")
    }
}
