import Configuration
import HTTPAccess
import HTTPTransport
import Platform

/// The ways to AWS: by the options of a block, else as AWS' own SDKs go, which take HTTPS_PROXY, HTTP_PROXY,
/// NO_PROXY and AWS_CA_BUNDLE from the environment. The metadata services are never asked through a proxy.
struct AWSRoutes: Sendable {
    /// As a block that says nothing.
    static let usual = HTTPClientOptions(enableHTTP2: false)
    private static let variables = ["HTTP_PROXY", "HTTPS_PROXY"]

    let http: HTTPClient
    let workers: WorkerPool
    let files: any FileDoor
    let clock: any AgentClock
    let environment: [String: String]

    /// The client itself where there is nothing to add.
    func client(_ block: HTTPClientOptions = AWSRoutes.usual) -> any HTTPPerforming {
        let options = options(block)
        guard options != Self.usual else { return http }
        return AccessClient(
            options, http: http, workers: workers, files: files, clock: clock, environment: environment)
    }

    /// What the block leaves open the environment says.
    func options(_ block: HTTPClientOptions) -> HTTPClientOptions {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        var options = block
        let isProxied = Self.variables.contains { variable($0) ?? variable($0.lowercased()) != nil }
        if options.proxy.url == nil, isProxied { options.proxy.fromEnvironment = true }
        options.proxy.sparesLocal = options.proxy.url != nil || options.proxy.fromEnvironment
        if options.tls.authority == nil, let bundle = variable("AWS_CA_BUNDLE") {
            options.tls.authority = .file(bundle)
        }
        return options
    }
}
