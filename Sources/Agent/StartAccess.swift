import AWS
import HTTPTransport
import Logging
import Platform
import Telemetry

/// The way to AWS and the task's metadata before there is a configuration. Lives for a few questions.
struct StartAccess: Sendable {
    let aws: AWSAccess
    private let http: HTTPClient

    init(_ options: AgentOptions, clock: any AgentClock, files: any FileDoor) {
        http = HTTPClient(
            HTTPClientConfiguration(
                name: "start", userAgent: "narthex/\(options.version)",
                caFile: options.environment["SSL_CERT_FILE"],
                caDirectory: options.environment["SSL_CERT_DIR"]),
            registry: MetricRegistry(), logger: Logger(label: "http"))
        let routes = AWSRoutes(
            http: http, workers: WorkerPool(name: "files", threads: 1), files: files, clock: clock,
            environment: options.environment)
        aws = AWSAccess(
            environment: options.environment, files: files, http: routes.client(), clock: clock,
            logger: Logger(label: "aws"))
    }

    func shutDown() { http.shutDown() }
}
