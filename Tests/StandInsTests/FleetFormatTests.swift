import Configuration
import MetricModel
import StandIns
import Testing

@testable import Scrape

/// The three formats say the same, as the agent's own parsers read them.
struct FleetFormatTests {
    private func read(_ body: [UInt8], _ format: FleetFormat) throws -> [String: Double] {
        var reading = TrialReading(
            Target(job: "j", own: LabelSet([Label("job", "j")])),
            configuration: ScrapeConfiguration(jobName: "j"), externalLabels: LabelSet(), nowMs: 1_000_000)
        let formats: [FleetFormat: ExpositionFormat] = [
            .text: .text, .openmetrics: .openMetrics, .protobuf: .protobuf,
        ]
        // Safety: bytes have no padding.
        unsafe reading.read(body.span.bytes, try #require(formats[format]))
        #expect(reading.refusal == nil)
        #expect(reading.skippedLines == 0)
        let pairs = reading.lines.map { line in
            let labels = line.exposed.labels.map { label -> String in
                // OpenMetrics writes the same bound as a float.
                let bound = label.name == "le" ? Double(label.value).map { "\($0)" } : nil
                return "\(label.name)=\(bound ?? label.value)"
            }
            return (labels.joined(separator: ","), line.value)
        }
        // A series that is there twice equals nothing.
        return Dictionary(pairs, uniquingKeysWith: { _, _ in .nan })
    }

    @Test(arguments: [nil] + FleetChurn.Kind.allCases, [false, true])
    func allSayTheSame(churn: FleetChurn.Kind?, isDistinct: Bool) throws {
        let contents = FleetContents(
            FleetConfiguration(
                exporters: 4, seriesEach: 300, movingShare: 0.5, isDistinct: isDistinct,
                churn: churn.map { FleetChurn($0, share: 0.7) }))
        for scrape in [UInt64(0), 1, 7, 1_000_000] {
            let readings = try FleetFormat.allCases.map {
                try read(contents.page(exporter: 1, scrape: scrape, format: $0), $0)
            }
            #expect(readings[0].count == contents.seriesCount(exporter: 1, scrape: scrape))
            #expect(readings[0] == readings[1])
            #expect(readings[0] == readings[2])
            #expect(readings[0].keys.allSatisfy { $0.contains("exporter=1") == isDistinct })
        }
    }
}
