import AWS
import Addresses
import Configuration
import HTTPTransport
import Logging
public import Platform
import Telemetry

/// Which AWS identity, region and endpoints the agent would use. No secret is in it.
public struct IdentityReport: Sendable {
    /// What the command line says; as the keys of a sigv4 block.
    public struct Request: Sendable {
        public var profile: String?
        public var region: String?
        public var roleARN: String?
        public var externalID: String?

        public init(
            profile: String? = nil, region: String? = nil, roleARN: String? = nil, externalID: String? = nil
        ) {
            self.profile = profile
            self.region = region
            self.roleARN = roleARN
            self.externalID = externalID
        }

        /// What is wrong with it, a sentence each, by the names of the command's flags.
        public var faults: [String] {
            var faults: [String] = []
            if let problem = roleARN.flatMap(RoleARN.problem) { faults.append("--role-arn: \(problem)") }
            if externalID != nil, roleARN == nil {
                faults.append(
                    "--external-id without --role-arn: it belongs to a role that is assumed; give both")
            }
            return faults
        }
    }

    /// Names and values in the order to show them.
    public let fields: [(name: String, value: String)]

    /// Asks whatever has to be asked. Throws what hinders, with everything that was tried.
    public static func make(
        _ request: Request, environment: [String: String], clock: any AgentClock = SystemClock(),
        files: any FileDoor = POSIXFiles()
    ) async throws(AgentError) -> IdentityReport {
        let http = HTTPClient(
            HTTPClientConfiguration(name: "aws", userAgent: "narthex/\(AgentVersion.current)"),
            registry: MetricRegistry(), logger: Logger(label: "http"))
        defer { http.shutDown() }
        let (routes, usual) = await AWSRoutes.make(
            http: http, workers: WorkerPool(name: "files", threads: 1), files: files, clock: clock,
            environment: environment, logger: Logger(label: "aws"))
        let options = await routes.options(AWSRoutes.usual, profile: request.profile, aws: usual)
        let access = usual.through(routes.client(options))
        let region = await access.region(configured: request.region, profile: request.profile)
        let chain = access.credentials(
            CredentialConfiguration(
                profile: request.profile, roleARN: request.roleARN, externalID: request.externalID,
                region: region))
        do throws(AWSError) {
            let credentials = try await chain.credentials()
            var fields = [
                ("access_key", credentials.accessKeyID), ("source", chain.source ?? ""),
                ("session_token", credentials.sessionToken == nil ? "no" : "yes"),
                ("expires_in", expiry(chain.remainingMs, of: credentials)),
                ("region", region ?? "none"),
            ]
            if let region {
                let client = access.client(region: region, credentials: chain, profile: request.profile)
                for service in [AWSService.ecs, .ec2, .ssm, .sts, .s3] {
                    let url = try await client.endpointURL(of: service)
                    // An endpoint that was given may hold a password.
                    fields.append(("endpoint_\(service.signingName)", HTTPURL.shown(url)))
                }
            }
            return IdentityReport(fields: fields.map { (name: $0.0, value: $0.1) })
        } catch {
            throw AgentError(.configuration, "\(error)")
        }
    }

    /// A session ends some time, though a file or a variable does not say when.
    static func expiry(_ remainingMs: Int64?, of credentials: Credentials) -> String {
        guard let remainingMs else { return credentials.sessionToken == nil ? "never" : "unknown" }
        return remainingMs < 0 ? "expired \(-remainingMs / 1_000)s ago" : "\(remainingMs / 1_000)s"
    }
}
