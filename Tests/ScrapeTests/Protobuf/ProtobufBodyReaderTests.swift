import MetricModel
import Testing

@testable import Scrape

@Suite struct ProtobufBodyReaderTests {
    private let target = Target(job: "j", own: LabelSet([Label("job", "j")]))

    private func gauges(_ names: [Int], value: Double, help: String = "Help.") -> [UInt8] {
        ProtoBody.family(
            "g", 1, help: help,
            names.map { name in
                {
                    $0.label("n", "\(name)")
                    $0.message(2) { $0.double(1, value + Double(name)) }
                }
            })
    }

    @Test func theSameBodyTwiceMakesNoLabels() throws {
        let scrape = TargetScrape(target: target)
        let names = Array(0..<3_000)
        let first = try scrape.consume(protobuf: gauges(names, value: 1), at: 1)
        #expect(scrape.parsedLines == 3_000)
        let second = try scrape.consume(protobuf: gauges(names, value: 2), at: 2)
        #expect(scrape.parsedLines == 3_000)
        #expect(second.layout.isIdentical(to: first.layout))
        #expect(second.values.prefix(3_000).elementsEqual(names.map { 2 + Double($0) }))
        #expect(first.layout.chunks.count > 3)
    }

    @Test func aChangeCostsItsChunkAndEndsWhatLeft() throws {
        let scrape = TargetScrape(target: target)
        let names = Array(0..<3_000)
        _ = try scrape.consume(protobuf: gauges(names, value: 1), at: 1)
        var changed = names
        changed[1_500] = 9_999
        changed.remove(at: 2_500)
        changed.insert(8_888, at: 10)
        let frame = try scrape.consume(protobuf: gauges(changed, value: 1), at: 2)
        #expect(scrape.parsedLines < 3_000 + 3 * TemplateBuilder.maxLines + 3)
        let gone = frame.departed.flatMap { group in
            group.series.compactMap { group.chunk.labels(ofSeries: Int($0), target: target)?["n"] }
        }
        #expect(gone == ["1500", "2500"])
        #expect(frame.values.prefix(changed.count).elementsEqual(changed.map { 1 + Double($0) }))
        for (ordinal, name) in changed.enumerated() {
            #expect(frame.layout.labels(ofSeries: ordinal, target: target)?["n"] == "\(name)")
        }
    }

    @Test func metadataIsKeptAndItsChangeSeen() throws {
        let scrape = TargetScrape(target: target)
        _ = try scrape.consume(protobuf: gauges([1, 2], value: 1, help: "One \\ \"two\"\nthree"), at: 1)
        #expect(scrape.metadata.map(\.family) == ["g"])
        #expect(scrape.metadata.map(\.type) == ["gauge"])
        #expect(scrape.metadata.map(\.help) == ["One \\ \"two\"\nthree"])
        _ = try scrape.consume(protobuf: gauges([1, 2], value: 1, help: "Other."), at: 2)
        #expect(scrape.metadata.map(\.help) == ["Other."])
    }

    /// A target that changes its format keeps its series: nothing ends and nothing is added.
    @Test func textAndProtobufAreTheSameSeries() throws {
        let scrape = TargetScrape(target: target)
        _ = try scrape.consume("# TYPE g gauge\ng{n=\"1\"} 2\ng{n=\"2\"} 3\n", at: 1)
        let frame = try scrape.consume(protobuf: gauges([1, 2], value: 1), at: 2)
        #expect(frame.departed.isEmpty)
        #expect(frame.values.prefix(2) == [2, 3])
        let back = try scrape.consume("# TYPE g gauge\ng{n=\"1\"} 5\ng{n=\"2\"} 6\n", at: 3)
        #expect(back.departed.isEmpty)
        #expect(back.values.prefix(2) == [5, 6])
    }

    @Test func aSeriesTwiceIsTakenOnce() throws {
        let scrape = TargetScrape(target: target)
        let frame = try scrape.consume(protobuf: gauges([1, 1, 2], value: 0), at: 1)
        #expect(frame.absent == [1])
        #expect(scrape.duplicateCount == 1)
    }

    @Test func startTimestampsThatStayAreShared() throws {
        let scrape = TargetScrape(target: target, keepsStartTimestamps: true)
        func body(_ startMs: Int64) -> [UInt8] {
            ProtoBody.family(
                "c", 0,
                [
                    {
                        $0.message(3) {
                            $0.double(1, 1)
                            $0.timestamp(3, ms: startMs)
                        }
                    }
                ])
        }
        #expect(try scrape.consume(protobuf: body(5), at: 10).startTimestamps.map(\.timestampMs) == [5])
        #expect(try scrape.consume(protobuf: body(5), at: 20).startTimestamps.map(\.timestampMs) == [5])
        #expect(try scrape.consume(protobuf: body(15), at: 30).startTimestamps.map(\.timestampMs) == [15])
    }
}
