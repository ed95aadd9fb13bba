import Addresses
import Configuration
import Discovery
import HTTPAccess
import HTTPTransport
import Logging
import MetricModel
import Platform
import Scrape
import Telemetry

/// `narthex scrape URL`: one scrape by hand under a job of the configuration.
public struct HandScrape: Sendable {
    /// What is asked for.
    public struct Request: Sendable {
        public var url: String
        public var configFile: String
        /// nil takes the only job there is.
        public var job: String?
        /// More labels of the target, as discovery would give them: `__meta_…` and others.
        public var labels: [(name: String, value: String)]
        public var environment: [String: String]
        /// `--enable-feature`
        public var enabledFeatures: [String] = []
        /// `--config.expand-env`
        public var expandsEnvironment = false

        public init(
            url: String, configFile: String, job: String? = nil,
            labels: [(name: String, value: String)] = [], environment: [String: String] = [:]
        ) {
            self.url = url
            self.configFile = configFile
            self.job = job
            self.labels = labels
            self.environment = environment
        }
    }

    let job: ScrapeConfiguration
    let url: String
    /// The target as relabel_configs leave it; nil when they leave none.
    let target: ScrapeTarget?
    /// Why there is no target.
    let leftOut: LeftOutTarget?
    let trial: ScrapeTrial?

    /// Whether a scrape like this would be stored.
    public var isGood: Bool { trial.map { $0.refusal == nil } ?? false }

    /// Reads the configuration and scrapes. Throws when there is no such job, or the URL is none.
    public static func run(_ request: Request) async throws(AgentError) -> HandScrape {
        let configuration = try await load(request)
        let job = try job(request.job, configuration)
        let parts = try url(request.url)
        var found = LabelSet(
            [
                Label("__address__", parts.writtenServer), Label("__scheme__", parts.scheme.rawValue),
                Label("__metrics_path__", parts.writtenPath),
            ])
        for label in request.labels { found[label.name] = label.value }
        let results = TargetBuilder(job: job).results(of: TargetGroup(source: "URL", targets: [found]))
        switch results[0] {
        case .leftOut(let target):
            return HandScrape(job: job, url: request.url, target: nil, leftOut: target, trial: nil)
        case .target(let discovered):
            // The labels are the rules' work; what is asked is the URL as it was given.
            let target = ScrapeTarget(
                url: request.url, labels: discovered.labels, intervalMs: discovered.scrapeIntervalMs,
                timeoutMs: discovered.scrapeTimeoutMs, unixSocketPath: discovered.unixSocketPath)
            let http = HTTPClient(
                HTTPClientConfiguration(userAgent: "narthex/\(AgentVersion.current)"),
                registry: MetricRegistry(), logger: Logger(label: "http"))
            defer { http.shutDown() }
            let access = AccessClient(
                job.http, http: http, workers: WorkerPool(name: "files", threads: 1), files: POSIXFiles(),
                clock: SystemClock(), environment: request.environment)
            let trial = await ScrapeTrial.run(
                target, configuration: job, externalLabels: configuration.global.externalLabels, http: access)
            return HandScrape(job: job, url: request.url, target: target, leftOut: nil, trial: trial)
        }
    }

    /// The URL, whose parts become labels of a target.
    static func url(_ text: String) throws(AgentError) -> HTTPURL {
        let url: HTTPURL
        do throws(AddressError) { url = try HTTPURL(parsing: text) } catch {
            let shown = HTTPURL.shownStart(of: text).map { "\"\($0)\"" } ?? "the URL"
            throw AgentError(.configuration, "\(shown) cannot be scraped: it \(error)")
        }
        guard !url.hasUser else {
            throw AgentError(.configuration, "\(url) must be without user: write basic_auth into the job")
        }
        guard !url.hasEmptyPort else {
            throw AgentError(.configuration, "\(url) has a colon without a port behind it")
        }
        return url
    }

    private static func load(_ request: Request) async throws(AgentError) -> Configuration {
        var options = AgentOptions(configFile: request.configFile)
        options.environment = request.environment
        options.enabledFeatures = request.enabledFeatures
        options.expandsEnvironment = request.expandsEnvironment
        return try await ConfigurationSource.jobs(
            of: options, clock: SystemClock(), files: POSIXFiles(), logger: Logger(label: "scrape"))
    }

    private static func job(
        _ name: String?, _ configuration: Configuration
    ) throws(AgentError) -> ScrapeConfiguration {
        let jobs = configuration.scrapeConfigs
        let names = jobs.map(\.jobName).joined(separator: ", ")
        guard let name else {
            guard jobs.count == 1 else {
                throw AgentError(.configuration, "which job? --job takes one of: \(names)")
            }
            return jobs[0]
        }
        guard let job = jobs.first(where: { $0.jobName == name }) else {
            throw AgentError(.configuration, "there is no job \"\(name)\"; --job takes one of: \(names)")
        }
        return job
    }
}
