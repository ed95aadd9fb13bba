import Addresses
public import Configuration
public import HTTPTransport
public import Logging
import MetricModel
public import Platform
public import Telemetry

/// Targets from a web server: `http_sd_configs`. What cannot be read keeps the last good list.
public struct HTTPProvider: TargetProvider {
    /// The first wait after a failed round; it doubles up to the refresh interval.
    static let firstRetryMs: Int64 = 2_000
    /// How often a fault that lasts is logged.
    static let repeatMs: Int64 = 300_000

    public let name = "http"
    private let configuration: HTTPSDConfiguration
    private let http: any HTTPPerforming
    private let workers: WorkerPool
    private let clock: any AgentClock
    private let logger: Logger
    private let failures: Counter
    private let refreshes: RefreshMetrics
    private let wrong = ProviderProblems()

    /// `http` has the configuration's options; `workers` read the answers.
    public init(
        _ configuration: HTTPSDConfiguration, job: String, http: any HTTPPerforming, workers: WorkerPool,
        clock: any AgentClock, registry: MetricRegistry, logger: Logger
    ) {
        self.configuration = configuration
        self.http = http
        self.workers = workers
        self.clock = clock
        var logger = logger
        logger[metadataKey: "job"] = "\(job)"
        self.logger = logger
        failures = registry.counter(
            "prometheus_sd_http_failures_total", help: "Number of HTTP service discovery refresh failures.")
        refreshes = RefreshMetrics(mechanism: name, job: job, clock: clock, registry: registry)
    }

    public var problems: [String] { wrong.sentences }

    public func isSame(as other: any TargetProvider) -> Bool {
        (other as? HTTPProvider)?.configuration == configuration
    }

    public func run(_ report: @Sendable ([TargetGroup]) async -> Void) async {
        var faults = RepeatedFaults(repeatMs: Self.repeatMs)
        var failedRounds: Int64 = 0
        var last: [TargetGroup]?
        while !Task.isCancelled {
            let startNs = clock.monotonicNs
            var waitMs = configuration.refreshIntervalMs
            do throws(DiscoveryError) {
                let groups = try await fetch()
                refreshes.refreshed(sinceNs: startNs, hasFailed: false)
                failedRounds = 0
                faults.forget("")
                wrong.set(place, nil)
                if groups != last {
                    last = groups
                    await report(groups)
                }
            } catch {
                if Task.isCancelled { return }
                failures.add()
                refreshes.refreshed(sinceNs: startNs, hasFailed: true)
                wrong.set(place, ProviderProblems.sentence(place, error.message))
                waitMs = min(Self.firstRetryMs << failedRounds, configuration.refreshIntervalMs)
                failedRounds = min(failedRounds + 1, 16)
                if faults.isDue("", error.message, nowNs: clock.monotonicNs) {
                    let what: Logger.Message =
                        last == nil
                        ? "targets could not be fetched, and none is known"
                        : "targets could not be fetched; the last good ones stay"
                    logger.error(
                        what,
                        metadata: ["url": "\(place)", "err": "\(error.message)"])
                }
            }
            do { try await clock.sleep(untilNs: startNs + UInt64(waitMs) * 1_000_000) } catch { return }
        }
    }

    private func fetch() async throws(DiscoveryError) -> [TargetGroup] {
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try await http.perform(
                HTTPRequest(
                    url: configuration.url,
                    headers: [
                        HTTPHeader(name: "Accept", value: "application/json"),
                        HTTPHeader(
                            name: "X-Prometheus-Refresh-Interval-Seconds",
                            value: SecondsText.from(milliseconds: configuration.refreshIntervalMs)),
                    ],
                    timeoutMs: configuration.refreshIntervalMs, bodyLimitBytes: TargetGroupFile.limitBytes,
                    acceptGzip: true, followRedirects: configuration.http.followRedirects))
        } catch {
            throw fault(error.message)
        }
        guard response.status == 200 else {
            throw fault("the answer's status is \(response.status), not 200")
        }
        let type = response.headers["Content-Type"] ?? ""
        guard Self.isJSON(type) else {
            throw fault("the answer's Content-Type is \"\(Self.shown(type))\", not application/json")
        }
        let body = response.body
        let place = place
        let decoded: Result<[StaticConfiguration], DiscoveryError> = await workers.run {
            Result { () throws(DiscoveryError) in try Self.decode(body.bytes, place) }
        }
        return try decoded.get().enumerated().map { index, group in
            var labels = group.labels
            labels["__meta_url"] = configuration.url
            return TargetGroup(
                source: "\(place):\(index)",
                StaticConfiguration(targets: group.targets, labels: labels))
        }
    }

    private static func decode(_ bytes: [UInt8], _ place: String) throws(DiscoveryError)
        -> [StaticConfiguration]
    {
        do throws(ConfigurationErrors) {
            return try TargetGroupFile.decode(bytes, file: "answer", isJSON: true)
        } catch {
            let more = error.errors.count > 1 ? " (and \(error.errors.count - 1) more errors)" : ""
            throw DiscoveryError(.badAnswer, "\(error.errors[0])\(more)", place: place)
        }
    }

    /// The URL without its query, which may hold a token.
    private var place: String { HTTPURL.shown(configuration.url) }

    private func fault(_ message: String) -> DiscoveryError {
        DiscoveryError(.badAnswer, message, place: place)
    }

    /// Prometheus takes no other parameter than this charset.
    static func isJSON(_ type: String) -> Bool {
        let parts = type.lowercased().split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
        guard let media = parts.first, media == "application/json" else { return false }
        guard parts.count == 2 else { return true }
        return ["charset=utf-8", "charset=\"utf-8\""].contains(
            String(parts[1].drop { $0 == " " || $0 == "\t" }))
    }

    private static func shown(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(80)))
    }
}
