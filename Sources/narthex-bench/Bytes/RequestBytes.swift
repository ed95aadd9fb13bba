import MetricModel
import RemoteWrite
import Scrape
import StandIns

/// Requests of many targets that expose the same series, and the bytes that a sample takes in them.
struct RequestBytes {
    /// The page of each target, by its number.
    typealias Pages = (_ target: Int) -> [UInt8]

    /// Bytes a sample of one request.
    struct Figures {
        var samples = 0
        var plain = 0.0
        var oneByOne = 0.0
        var together = 0.0
        var asSent = 0.0
        var symbols = 0.0
    }

    static let header = row(["samples", "plain", "one by one", "together", "as sent", "2.0"])
    /// 2026-01-01T00:00:00Z.
    private static let startMs: Int64 = 1_767_225_600_000

    let pages: Pages
    let hasECSLabels: Bool
    let framesTogether: Int

    /// Pages of the stand-in fleet, whose exporters have numbers of their own.
    static func fleet(series: Int = 1_000) -> Pages {
        let contents = FleetContents(FleetConfiguration(exporters: 10_000, seriesEach: series))
        return { contents.page(exporter: $0, scrape: 2, format: .text) }
    }

    /// The figures of a request of as many whole frames as have at most so many samples, and bytes before
    /// compression; one at least.
    func figures(samples: Int, requestBytes: Int) throws -> Figures {
        let interner = LayoutInterner()
        let encoder = RequestEncoder()
        var frames: [Frame] = []
        var (sampleCount, byteCount) = (0, 0)
        while true {
            let frame = try frame(of: frames.count, interner)
            let one = encoder.encode([frame])
            guard one.sampleCount > 0 else { throw BenchError("the page has no samples") }
            sampleCount += one.sampleCount
            byteCount += one.byteCount
            guard frames.isEmpty || sampleCount <= samples && byteCount <= requestBytes else { break }
            frames.append(frame)
        }
        func perSample(_ bytes: Int) -> Double { Double(bytes) / Double(sampleCount) }
        var figures = Figures()
        (byteCount, sampleCount) = encoder.encode(frames)
        figures.samples = sampleCount
        figures.plain = perSample(byteCount)
        figures.oneByOne = perSample(LibSnappy.compress(encoder.bytes).count)
        encoder.encode(frames, .together(frames: framesTogether))
        figures.together = perSample(LibSnappy.compress(encoder.bytes).count)
        figures.asSent = perSample(encoder.compress().count)
        encoder.encode(frames, .symbols)
        figures.symbols = perSample(encoder.compress().count)
        return figures
    }

    /// The figures as a row of the table.
    func row(samples: Int, requestBytes: Int) throws -> String {
        let figures = try figures(samples: samples, requestBytes: requestBytes)
        let bytes = [
            figures.plain, figures.oneByOne, figures.together, figures.asSent, figures.symbols,
        ]
        return Self.row(["\(figures.samples)"] + bytes.map { RaceColumn.text($0, decimals: 1) })
    }

    private static func row(_ cells: [String]) -> String {
        cells.map { String(repeating: " ", count: max(0, 11 - $0.count)) + $0 }.joined()
    }

    private func frame(of number: Int, _ interner: LayoutInterner) throws -> Frame {
        let scrape = TargetScrape(
            target: Target(job: "node", own: labels(of: number)), interner: interner)
        // Four targets are scraped at once, and some milliseconds lie between them.
        let timestampMs = Self.startMs + Int64(number / 4 * 250 + number * 7 % 13)
        let page = pages(number)
        // Safety: every element is a byte, and the array lives through the call.
        return unsafe try scrape.consume(page.span.bytes, at: timestampMs)
    }

    /// Addresses and identifiers that have as much in common as those of tasks.
    private func labels(of number: Int) -> LabelSet {
        let mixed = UInt64(number + 1) &* 0x9E37_79B9_7F4A_7C15
        var labels = [
            Label("instance", "10.0.\(mixed >> 56).\(mixed >> 48 & 0xFF):9100"), Label("job", "node"),
        ]
        guard hasECSLabels else { return LabelSet(labels) }
        let task = [mixed, mixed &* mixed | 1].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
        let cluster = "production-eu-west-1"
        labels += [
            Label("cluster", cluster), Label("container_name", "orders-api"),
            Label("family", "orders-api-production"),
            Label("task_arn", "arn:aws:ecs:eu-west-1:123456789012:task/\(cluster)/\(task)"),
        ]
        return LabelSet(labels)
    }
}
