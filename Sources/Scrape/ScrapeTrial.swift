public import Configuration
public import HTTPTransport
public import MetricModel
import Relabel

/// One scrape by hand under a job's rules, nothing of which is stored: what would be kept, dropped or
/// refused, and why.
public struct ScrapeTrial: Sendable {
    /// One line with a sample.
    public struct Line: Sendable {
        public enum Fate: Sendable, Equatable {
            case kept
            /// By the rule of metric_relabel_configs with this index, from 0.
            case dropped(byRule: Int)
            /// Rules leave no label of it.
            case emptied
            /// A line before it came out as the same series.
            case duplicate
        }

        public let fate: Fate
        /// Before metric_relabel_configs, with the target's labels.
        public let exposed: LabelSet
        /// As it would be stored, external labels included; nil when it is dropped.
        public let stored: LabelSet?
        public let value: Double
        public let timestampMs: Int64?
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

    /// Scrapes `target` once, as the job's loop would.
    public static func run(
        _ target: ScrapeTarget, configuration: ScrapeConfiguration, externalLabels: LabelSet,
        http: any HTTPPerforming
    ) async -> ScrapeTrial {
        var configuration = configuration
        configuration.scrapeTimeoutMs = target.timeoutMs ?? configuration.scrapeTimeoutMs
        // Lines are what a person can follow: the text formats say the same, native histograms apart.
        configuration.scrapeProtocols.removeAll { $0 == .prometheusProto }
        if configuration.scrapeProtocols.isEmpty { configuration.scrapeProtocols = ScrapeProtocol.defaults }
        let exchange = ScrapeExchange(
            configuration, url: target.url, unixSocketPath: target.unixSocketPath)
        let answer: HTTPResponse
        do {
            answer = try await http.perform(exchange.request)
        } catch {
            return ScrapeTrial(
                url: target.url, refusal: exchange.reason(for: error), status: nil, contentType: nil,
                bodyBytes: 0, lines: [])
        }
        var refusal: ScrapeError?
        var lines: [Line] = []
        switch exchange.verdict(on: answer) {
        case .refused(let error): refusal = error
        case .read(.protobuf):
            refusal = ScrapeError(
                .contentType, "the target answers in protobuf only, which is not shown line by line")
        case .read(let format):
            let schema = TargetSchema(
                Target(job: configuration.jobName, own: target.labels, external: externalLabels),
                honorLabels: configuration.honorLabels,
                relabelling: MetricRelabelling(
                    rules: configuration.metricRelabelRules, externalLabels: externalLabels),
                hasher: .process)
            (lines, refusal) = answer.body.withSpan {
                Self.read($0, isOpenMetrics: format == .openMetrics, schema)
            }
        }
        return ScrapeTrial(
            url: target.url, refusal: refusal, status: answer.status,
            contentType: answer.headers["Content-Type"], bodyBytes: answer.body.count, lines: lines)
    }

    static func read(
        _ body: RawSpan, isOpenMetrics: Bool, _ schema: TargetSchema
    ) -> (lines: [Line], refusal: ScrapeError?) {
        var lines: [Line] = []
        guard body.byteCount <= BodyReader.maxBodyBytes else {
            return (
                [],
                ScrapeError(.bodyTooLarge, "a body of more than \(BodyReader.maxBodyBytes) bytes is not read")
            )
        }
        var parser = ExpositionParser(isOpenMetrics: isOpenMetrics)
        var encoder = SeriesEncoder(schema: schema, hasher: .process)
        var seen: Set<LabelSet> = []
        do throws(ScrapeError) {
            while try parser.next(body) {
                let explanation = try encoder.explain(parser, body)
                var fate = Line.Fate.kept
                if let rule = explanation.droppedByRule {
                    fate = .dropped(byRule: rule)
                } else if let stored = explanation.stored {
                    if !seen.insert(stored).inserted, parser.timestampMs == nil { fate = .duplicate }
                } else {
                    fate = .emptied
                }
                lines.append(
                    Line(
                        fate: fate, exposed: explanation.exposed, stored: explanation.stored,
                        value: parser.value, timestampMs: parser.timestampMs))
            }
            return (lines, nil)
        } catch {
            return (lines, error.located(in: body))
        }
    }
}
