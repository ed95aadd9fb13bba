import AWS
import Configuration
import HTTPAccess
import HTTPTransport
import Logging
import Platform
import Telemetry

/// The way to AWS and the task's metadata before there is a configuration. Lives for a few questions.
struct StartAccess: Sendable {
    let aws: AWSAccess
    /// What a configuration may be read through.
    var ways: ConfigurationFetcher.Ways {
        ConfigurationFetcher.Ways(aws: aws, web: web, webTimeoutMs: patience.attemptTimeoutMs)
    }
    private let http: HTTPClient
    private let web: any HTTPPerforming
    private let patience: CallPatience

    /// `patience` bounds each question, the way to it included.
    init(
        _ options: AgentOptions, clock: any AgentClock, files: any FileDoor,
        patience: CallPatience = CallPatience()
    ) async {
        self.patience = patience
        http = HTTPClient(
            HTTPClientConfiguration(
                name: "start", userAgent: "narthex/\(options.version)",
                connectTimeoutMs: patience.attemptTimeoutMs, caFile: options.environment["SSL_CERT_FILE"],
                caDirectory: options.environment["SSL_CERT_DIR"]),
            registry: MetricRegistry(), logger: Logger(label: "http"))
        let workers = WorkerPool(name: "files", threads: 1)
        web = Self.web(
            http: http, workers: workers, files: files, clock: clock, environment: options.environment)
        aws = await AWSRoutes.make(
            http: http, workers: workers, files: files, clock: clock, environment: options.environment,
            patience: patience, logger: Logger(label: "aws")
        ).aws
    }

    /// The way to a configuration on the web: by the proxy that the environment names, and without following
    /// redirects.
    static func web(
        http: any HTTPPerforming, workers: WorkerPool, files: any FileDoor, clock: any AgentClock,
        environment: [String: String]
    ) -> any HTTPPerforming {
        var options = HTTPClientOptions(enableHTTP2: false)
        options.proxy.fromEnvironment = true
        options.followRedirects = false
        return AccessClient(
            options, http: http, workers: workers, files: files, clock: clock, environment: environment)
    }

    func shutDown() { http.shutDown() }
}
