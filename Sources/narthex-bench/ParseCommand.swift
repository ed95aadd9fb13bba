import ArgumentParser
import Glibc
import JSON
import MetricModel
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
            print(answer(to: body).text())
        }
    }

    private func answer(to body: [UInt8]) -> JSONValue {
        do throws(ScrapeError) {
            // Safety: every element is a byte, and the array lives through the call.
            let reading = try unsafe ExpositionReading(body.span.bytes, isOpenMetrics: openmetrics)
            let metadata = reading.metadata.map { family in
                JSONValue.object([
                    "family": .string(family.family), "type": .string(family.type),
                    "help": .string(family.help), "unit": .string(family.unit),
                ])
            }
            return ["samples": .array(reading.samples.map(json)), "metadata": .array(metadata)]
        } catch {
            return ["error": .string("\(error)")]
        }
    }

    private func json(_ sample: ExpositionReading.Sample) -> JSONValue {
        [
            "labels": json(sample.labels), "bits": bits(sample.value),
            "timestamp_ms": json(sample.timestampMs),
            "exemplar": sample.exemplar.map {
                [
                    "labels": json($0.labels), "bits": bits($0.value),
                    "timestamp_ms": json($0.timestampMs),
                ]
            } ?? .null,
        ]
    }

    private func json(_ labels: LabelSet) -> JSONValue {
        .object(labels.labels.map { .init($0.name, .string($0.value)) })
    }

    private func json(_ timestampMs: Int64?) -> JSONValue { timestampMs.map { .integer($0) } ?? .null }

    private func bits(_ value: Double) -> JSONValue { .string(String(value.bitPattern, radix: 16)) }
}
