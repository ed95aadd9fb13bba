import AWS
import Configuration
import HTTPAccess
import HTTPTransport
import Logging
import Platform
import Telemetry

/// The ways to AWS: by the options of a block, else as AWS' own SDKs go, which take HTTPS_PROXY, HTTP_PROXY,
/// NO_PROXY and AWS_CA_BUNDLE from the environment, and without the last `ca_bundle` from the profile in use.
/// The metadata services are never asked through a proxy.
struct AWSRoutes: Sendable {
    /// As a block that says nothing.
    static let usual = HTTPClientOptions(enableHTTP2: false)
    private static let variables = ["HTTP_PROXY", "HTTPS_PROXY"]

    let http: HTTPClient
    let workers: WorkerPool
    let files: any FileDoor
    let clock: any AgentClock
    let environment: [String: String]
    /// `ca_bundle` of the profile in use.
    var profileBundle: String?

    /// The routes and, over them, the way to AWS.
    static func make(
        http: HTTPClient, workers: WorkerPool, files: any FileDoor, clock: any AgentClock,
        environment: [String: String], patience: CallPatience = CallPatience(), logger: Logger,
        registry: MetricRegistry? = nil
    ) async -> (routes: AWSRoutes, aws: AWSAccess) {
        let direct = AWSAccess(
            environment: environment, files: files, http: http, clock: clock, patience: patience,
            logger: logger, registry: registry)
        let routes = AWSRoutes(
            http: http, workers: workers, files: files, clock: clock, environment: environment,
            profileBundle: await direct.profileSetting(Self.bundleKey))
        return (routes, direct.through(routes.client()))
    }

    static let bundleKey = "ca_bundle"

    /// The client itself where there is nothing to add.
    func client(_ block: HTTPClientOptions = AWSRoutes.usual) -> any HTTPPerforming {
        let options = options(block)
        guard options != Self.usual else { return http }
        return AccessClient(
            options, http: http, workers: workers, files: files, clock: clock, environment: environment)
    }

    /// A block that names a profile of its own has that one's authorities, where nothing else says any.
    func options(
        _ block: HTTPClientOptions, profile: String?, aws: AWSAccess
    ) async -> HTTPClientOptions {
        let isSaid = block.tls.authority != nil || !(environment["AWS_CA_BUNDLE"] ?? "").isEmpty
        guard let profile, !isSaid else { return block }
        var options = block
        let bundle = await aws.profileSetting(Self.bundleKey, profile: profile)
        options.tls.authority = bundle.map { .file($0) }
        return options
    }

    /// What the block leaves open the environment says.
    func options(_ block: HTTPClientOptions) -> HTTPClientOptions {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        var options = block
        let isProxied = Self.variables.contains { variable($0) ?? variable($0.lowercased()) != nil }
        if options.proxy.url == nil, isProxied { options.proxy.fromEnvironment = true }
        options.proxy.sparesLocal = options.proxy.url != nil || options.proxy.fromEnvironment
        if options.tls.authority == nil, let bundle = variable("AWS_CA_BUNDLE") ?? profileBundle {
            options.tls.authority = .file(bundle)
        }
        return options
    }
}
