import MetricModel
import Testing

@testable import Scrape

@Suite struct StartLineTests {
    private func lines(_ text: String, nameLength: Int) throws -> [StartLine?] {
        var parser = ExpositionParser(isOpenMetrics: true)
        var result: [StartLine?] = []
        let bytes = Array(text.utf8)
        // Safety: bytes have no padding.
        let body = unsafe bytes.span.bytes
        while try parser.next(body) {
            result.append(StartLine(parser, body, nameLength: nameLength, hasher: .process))
        }
        return result
    }

    @Test func linesOfOneMetricShareAKey() throws {
        let found = try lines(
            """
            # TYPE h.h histogram
            {"h.h_bucket",a="b",le="1"} 1
            {"h.h_count",a="b"} 1
            {"h.h_created",a="b"} 1
            {"h.h_count",a="c"} 1
            # EOF

            """.replacing("# TYPE h.h", with: "# TYPE \"h.h\""), nameLength: 3)
        #expect(found.map { $0?.isCreated } == [false, false, true, false])
        #expect(found[0]?.key == found[1]?.key && found[1]?.key == found[2]?.key)
        #expect(found[2]?.key != found[3]?.key)
    }

    /// `le` belongs to a bucket only where there are buckets.
    @Test func everyLabelOfACounterCounts() throws {
        let found = try lines(
            "# TYPE a counter\na_total{le=\"1\"} 1\na_created{le=\"2\"} 1\n# EOF\n", nameLength: 1)
        #expect(found[0]?.key != found[1]?.key)
    }

    @Test(arguments: ["gauge", "unknown", "info", "stateset", "gaugehistogram"])
    func otherTypesHaveNoStart(type: String) throws {
        #expect(try lines("# TYPE a \(type)\na_created 1\n# EOF\n", nameLength: 1).compactMap { $0 }.isEmpty)
    }

    @Test func timesAreWholeMilliseconds() {
        #expect(StartRun.milliseconds(1.9999) == 1_999)
        #expect(StartRun.milliseconds(0.0004) == nil)
        #expect(StartRun.milliseconds(.nan) == nil)
        #expect(StartRun.milliseconds(-.infinity) == nil)
    }
}
