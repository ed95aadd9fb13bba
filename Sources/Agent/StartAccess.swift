import AWS
import HTTPTransport
import Logging
import Platform
import Telemetry

/// The way to AWS and the task's metadata before there is a configuration. Lives for a few questions.
struct StartAccess: Sendable {
    let aws: AWSAccess
    private let http: HTTPClient

    init(_ options: AgentOptions, clock: any AgentClock, files: any FileDoor) async {
        http = HTTPClient(
            HTTPClientConfiguration(
                name: "start", userAgent: "narthex/\(options.version)",
                caFile: options.environment["SSL_CERT_FILE"],
                caDirectory: options.environment["SSL_CERT_DIR"]),
            registry: MetricRegistry(), logger: Logger(label: "http"))
        aws = await AWSRoutes.make(
            http: http, workers: WorkerPool(name: "files", threads: 1), files: files, clock: clock,
            environment: options.environment, logger: Logger(label: "aws")
        ).aws
    }

    func shutDown() { http.shutDown() }
}
