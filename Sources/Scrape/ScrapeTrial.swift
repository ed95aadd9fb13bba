public import Configuration
public import HTTPTransport
public import MetricModel
import Relabel

/// One scrape by hand under a job's rules, nothing of which is stored: what would be kept, dropped or
/// refused, and why.
public struct ScrapeTrial: Sendable {
    /// One series that the target exposes.
    public struct Line: Sendable {
        public enum Fate: Sendable, Equatable {
            case kept
            /// By the rule of metric_relabel_configs with this index, from 0.
            case dropped(byRule: Int)
            /// Rules leave no label of it.
            case emptied
            /// A line before it came out as the same series.
            case duplicate
            /// It breaks a rule of the job, which leaves it out: what that is.
            case refused(String)
            /// New beyond `sample_limit`, with `on_limit: shed`.
            case shed
            /// A classic histogram that cannot become a native one: its parts contradict each other.
            case contradictory
            /// The timestamp that it shows is too far ahead or behind, or not after one shown before.
            case timestamp
        }

        public let fate: Fate
        /// Before metric_relabel_configs, with the target's labels.
        public let exposed: LabelSet
        /// As it would be stored, external labels included; nil when it is dropped.
        public let stored: LabelSet?
        /// Of a histogram its sum, where it is kept.
        public let value: Double
        public let timestampMs: Int64?
        /// Whether it is a native histogram, or would become one.
        public let isHistogram: Bool
        /// Nil for a series that is no native histogram, or is not kept.
        public let histogram: NativeHistogram?
    }

    public let url: String
    /// Why the scrape would fail as a whole, and nothing of it be stored; nil when it would not.
    public let refusal: ScrapeError?
    /// nil without an answer.
    public let status: Int?
    public let contentType: String?
    public let bodyBytes: Int
    /// Up to the place of the fault when there is one.
    public let lines: [Line]
    /// Lines that `on_bad_line: skip` passes over, and what is wrong with the first.
    public let skippedLines: Int
    public let skippedReason: String?
    /// What the target says about its metric families, in their order; empty when the scrape is refused.
    public var metadata: [MetricFamilyMetadata] = []

    /// Scrapes `target` once, as the job's loop would for the first time.
    public static func run(
        _ target: ScrapeTarget, configuration: ScrapeConfiguration, externalLabels: LabelSet,
        http: any HTTPPerforming
    ) async -> ScrapeTrial {
        var configuration = configuration
        configuration.scrapeTimeoutMs = target.timeoutMs ?? configuration.scrapeTimeoutMs
        let exchange = ScrapeExchange(
            configuration, url: target.url, unixSocketPath: target.unixSocketPath)
        let answer: HTTPResponse
        do {
            answer = try await http.perform(exchange.request)
        } catch {
            return ScrapeTrial(
                url: target.url, refusal: exchange.reason(for: error), status: nil, contentType: nil,
                bodyBytes: 0, lines: [], skippedLines: 0, skippedReason: nil)
        }
        var reading = TrialReading(
            Target(job: configuration.jobName, own: target.labels, external: externalLabels),
            configuration: configuration, externalLabels: externalLabels)
        switch exchange.verdict(on: answer) {
        case .refused(let error): reading.refusal = error
        case .read(let format, let body): body.withSpan { reading.read($0, format) }
        }
        return ScrapeTrial(
            url: target.url, refusal: reading.refusal, status: answer.status,
            contentType: answer.headers["Content-Type"], bodyBytes: answer.body.count, lines: reading.lines,
            skippedLines: reading.skippedLines, skippedReason: reading.skippedReason,
            metadata: reading.metadata)
    }
}
