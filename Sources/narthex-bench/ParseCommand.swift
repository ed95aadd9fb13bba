import ArgumentParser
import Glibc
import MetricModel
import Platform
import Scrape

/// Reads bodies from standard input and writes what the parser makes of each as a line of JSON: the test
/// against other parsers works with it.
struct ParseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parse", abstract: "Parse bodies from standard input and print what they say as JSON.",
        discussion: """
            Each body is preceded by its length in bytes, in decimal, and a newline. Each answer is a line: \
            {"error": …} or {"samples": [{"labels": {…}, "bits": value's bits in hex, "timestamp_ms": …, \
            "exemplar": …}], "metadata": [{"family": …, "type": …, "help": …, "unit": …}]}.
            """)

    @Flag(help: "Read OpenMetrics, not the text format.")
    var openmetrics = false

    func run() throws {
        while let header = readLine(strippingNewline: true) {
            guard let length = Int(header), length >= 0, length <= 256 << 20 else {
                throw ValidationError("a body's length is expected, not \"\(header)\"")
            }
            var body: [UInt8] = []
            body.reserveCapacity(length)
            while body.count < length {
                let byte = getchar()
                guard byte >= 0 else { throw ValidationError("the input ends within a body") }
                body.append(UInt8(truncatingIfNeeded: byte))
            }
            print(answer(to: body))
        }
    }

    private func answer(to body: [UInt8]) -> String {
        do throws(ScrapeError) {
            // Safety: every element is a byte, and the array lives through the call.
            let reading = try unsafe ExpositionReading(body.span.bytes, isOpenMetrics: openmetrics)
            let samples = reading.samples.map(json).joined(separator: ",")
            let metadata = reading.metadata.map { family in
                object([
                    ("family", JSONText.quoted(family.family)), ("type", JSONText.quoted(family.type)),
                    ("help", JSONText.quoted(family.help)), ("unit", JSONText.quoted(family.unit)),
                ])
            }
            return object([
                ("samples", "[\(samples)]"), ("metadata", "[\(metadata.joined(separator: ","))]"),
            ])
        } catch {
            return object([("error", JSONText.quoted("\(error)"))])
        }
    }

    private func json(_ sample: ExpositionReading.Sample) -> String {
        object([
            ("labels", json(sample.labels)), ("bits", bits(sample.value)),
            ("timestamp_ms", sample.timestampMs.map { "\($0)" } ?? "null"),
            (
                "exemplar",
                sample.exemplar.map {
                    object([
                        ("labels", json($0.labels)), ("bits", bits($0.value)),
                        ("timestamp_ms", $0.timestampMs.map { "\($0)" } ?? "null"),
                    ])
                } ?? "null"
            ),
        ])
    }

    private func json(_ labels: LabelSet) -> String {
        object(labels.labels.map { ($0.name, JSONText.quoted($0.value)) })
    }

    private func bits(_ value: Double) -> String { JSONText.quoted(String(value.bitPattern, radix: 16)) }

    private func object(_ fields: [(String, String)]) -> String {
        "{" + fields.map { "\(JSONText.quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}"
    }
}
