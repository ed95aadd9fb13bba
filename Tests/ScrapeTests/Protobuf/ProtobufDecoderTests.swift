import Configuration
import MetricModel
import Testing

@testable import Scrape

@Suite struct ProtobufDecoderTests {
    private let target = Target(job: "j", own: LabelSet([Label("job", "j")]))

    private func scrape(
        _ histograms: HistogramConfiguration = HistogramConfiguration(), keepsExemplars: Bool = true
    ) -> TargetScrape {
        TargetScrape(
            target: target, keepsExemplars: keepsExemplars, keepsDetails: true,
            histograms: histograms)
    }

    /// `name{labels} value` of each series but the report's, the job label left out.
    private func lines(_ frame: Frame) -> [String] {
        let histograms = Set(frame.layout.histogramSeries)
        let times = Dictionary(
            uniqueKeysWithValues: frame.explicitTimestamps.map { ($0.series, $0.timestampMs) })
        return (0..<frame.layout.seriesCount - ReportSeries.names.count).map { ordinal in
            let labels = frame.layout.labels(ofSeries: ordinal, target: target) ?? LabelSet()
            let shown = labels.labels.filter { $0.name != "job" && $0.name != "__name__" }
            let list = shown.map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ",")
            let kind = histograms.contains(UInt32(ordinal)) ? "histogram sum " : ""
            let time = times[UInt32(ordinal)].map { " @\($0)" } ?? ""
            return "\(labels["__name__"] ?? "")\(list.isEmpty ? "" : "{\(list)}") \(kind)"
                + "\(frame.values[ordinal])\(time)"
        }
    }

    @Test func countersGaugesAndUntypedAreASeriesEach() throws {
        let body =
            ProtoBody.family(
                "http_requests_total", 0, help: "Requests.",
                [
                    {
                        $0.label("code", "200")
                        $0.message(3) {
                            $0.double(1, 7)
                            $0.exemplar(2, "a", 0.5, ms: 12_345)
                            $0.timestamp(3, ms: 1_000)
                        }
                    },
                    {
                        $0.message(3) { $0.double(1, 8) }
                        $0.label("code", "500")
                    },
                ])
            + ProtoBody.family(
                "temperature_celsius", 1, unit: "celsius", [{ $0.message(2) { $0.double(1, -1.5) } }])
            + ProtoBody.family(
                "odd \"name\"", 3,
                [
                    {
                        $0.label("a\\b", "line\nbreak \"q\"")
                        $0.message(5) { $0.double(1, .nan) }
                        $0.varint(6, 99)
                    }
                ]) + ProtoBody.family("empty", 1, [])
        let frame = try scrape().consume(protobuf: body, at: 100)
        #expect(
            lines(frame) == [
                "http_requests_total{code=\"200\"} 7.0", "http_requests_total{code=\"500\"} 8.0",
                "temperature_celsius -1.5", "odd \"name\"{a\\b=\"line\nbreak \"q\"\"} nan(0x1) @99",
            ])
        #expect(
            frame.exemplars == [
                .init(
                    series: 0,
                    exemplar: Exemplar(
                        labels: LabelSet([Label("trace_id", "a")]), value: 0.5, timestampMs: 12_345))
            ])
        #expect(frame.startTimestamps == [.init(series: 0, timestampMs: 1_000)])
        #expect(frame.values[3].bitPattern == StaleMarker.ordinaryNaNBits)
    }

    @Test func summariesAndClassicHistogramsAreTheirParts() throws {
        let body =
            ProtoBody.family(
                "rpc_seconds", 2,
                [
                    {
                        $0.message(4) {
                            $0.message(3) {
                                $0.double(1, 0.5)
                                $0.double(2, 4)
                            }
                            $0.message(3) { $0.double(1, 1) }
                            $0.varint(1, 10)
                            $0.double(2, 40)
                        }
                    }, { $0.label("x", "none") },
                ])
            + ProtoBody.family(
                "latency", 4,
                [
                    {
                        $0.message(7) {
                            $0.varint(1, 3)
                            $0.double(2, 2.5)
                            $0.bucket(0.005, 1)
                            $0.bucket(1, 2) { $0.exemplar(3, "e", 0.7, ms: nil) }
                            $0.bucket(1e6, 2)
                        }
                    },
                    {
                        $0.label("inf", "shown")
                        $0.message(7) {
                            $0.varint(1, 4)
                            $0.bucket(1, 2)
                            $0.bucket(.infinity, 4)
                            $0.bucket(7, 9)
                        }
                    },
                    { $0.label("b", "none") },
                    {
                        $0.label("float", "1")
                        $0.message(7) {
                            $0.varint(1, 4)
                            $0.double(4, 4.5)
                            $0.message(3) {
                                $0.double(2, 2)
                                $0.double(4, 1.25)
                            }
                        }
                    },
                ])
        let frame = try scrape().consume(protobuf: body, at: 100)
        #expect(
            lines(frame) == [
                "rpc_seconds_count 10.0", "rpc_seconds_sum 40.0", "rpc_seconds{quantile=\"0.5\"} 4.0",
                "rpc_seconds{quantile=\"1.0\"} 0.0", "rpc_seconds_count{x=\"none\"} 0.0",
                "rpc_seconds_sum{x=\"none\"} 0.0",
                "latency_count 3.0", "latency_sum 2.5", "latency_bucket{le=\"0.005\"} 1.0",
                "latency_bucket{le=\"1.0\"} 2.0", "latency_bucket{le=\"1e+06\"} 2.0",
                "latency_bucket{le=\"+Inf\"} 3.0",
                "latency_count{inf=\"shown\"} 4.0", "latency_sum{inf=\"shown\"} 0.0",
                "latency_bucket{inf=\"shown\",le=\"1.0\"} 2.0",
                "latency_bucket{inf=\"shown\",le=\"+Inf\"} 4.0",
                "latency_count{b=\"none\"} 0.0", "latency_sum{b=\"none\"} 0.0",
                "latency_bucket{b=\"none\",le=\"+Inf\"} 0.0",
                "latency_count{float=\"1\"} 4.5", "latency_sum{float=\"1\"} 0.0",
                "latency_bucket{float=\"1\",le=\"2.0\"} 1.25", "latency_bucket{float=\"1\",le=\"+Inf\"} 4.5",
            ])
        #expect(frame.exemplars.map(\.series) == [9])
        #expect(frame.exemplars.map(\.exemplar.timestampMs) == [nil])
    }

    /// An integer histogram with classic buckets beside it, a float gauge histogram, one without anything.
    private static let native =
        ProtoBody.family(
            "native", 4,
            [
                {
                    $0.message(7) {
                        $0.varint(1, 6)
                        $0.double(2, 12.5)
                        $0.bucket(1, 2) { $0.exemplar(3, "bucket", 0.7, ms: 5) }
                        $0.signed(5, 3)
                        $0.double(6, 0.001)
                        $0.varint(7, 1)
                        $0.span(9, 0, 1)
                        $0.packed(10, signed: [1])
                        $0.span(12, -2, 2)
                        $0.span(12, 3, 1)
                        $0.packed(13, signed: [2, -1, 0])
                        $0.timestamp(15, ms: 77)
                    }
                },
                { $0.label("empty", "1") },
                {
                    $0.label("noop", "1")
                    $0.message(7) { $0.span(12, 0, 0) }
                },
            ])
        + ProtoBody.family(
            "gauge", 5,
            [
                {
                    $0.message(7) {
                        $0.double(4, 2.5)
                        $0.double(2, 1)
                        $0.signed(5, -1)
                        $0.span(12, 1, 3)
                        $0.packed(14, doubles: [1.5, 0, 1])
                        $0.exemplar(16, "one", 1, ms: 10)
                        $0.exemplar(16, "untimed", 2, ms: nil)
                        $0.exemplar(16, "two", 3, ms: 11)
                    }
                }
            ])

    @Test func nativeHistogramsAreOneSeries() throws {
        let scrape = scrape(.init(scrapeNative: true))
        let frame = try scrape.consume(protobuf: Self.native, at: 100)
        #expect(
            lines(frame) == [
                "native histogram sum 12.5", "native_count{empty=\"1\"} 0.0", "native_sum{empty=\"1\"} 0.0",
                "native_bucket{empty=\"1\",le=\"+Inf\"} 0.0", "native{noop=\"1\"} histogram sum 0.0",
                "gauge histogram sum 1.0",
            ])
        #expect(
            frame.histograms.map(\.histogram) == [
                NativeHistogram(
                    schema: 3, zeroThreshold: 0.001, sum: 12.5,
                    positiveSpans: [.init(offset: -2, length: 2), .init(offset: 3, length: 1)],
                    negativeSpans: [.init(offset: 0, length: 1)],
                    counts: .integer(
                        count: 6, zeroCount: 1, positiveDeltas: [2, -1, 0], negativeDeltas: [1])),
                NativeHistogram(
                    schema: 0, sum: 0,
                    counts: .integer(count: 0, zeroCount: 0, positiveDeltas: [], negativeDeltas: [])),
                // Without the empty bucket in the middle.
                NativeHistogram(
                    schema: -1, sum: 1, resetHint: .gauge,
                    positiveSpans: [.init(offset: 1, length: 1), .init(offset: 1, length: 1)],
                    counts: .float(count: 2.5, zeroCount: 0, positiveCounts: [1.5, 1], negativeCounts: [])),
            ])
        // A bucket's where it has none of its own; those without a time are left out.
        #expect(frame.exemplars.map(\.series) == [0, 5, 5])
        #expect(frame.exemplars.map(\.exemplar.timestampMs) == [5, 10, 11])
        #expect(frame.startTimestamps == [.init(series: 0, timestampMs: 77)])

        // Shown again they are not new, and nothing is made anew.
        let parsed = scrape.parsedLines
        let again = try scrape.consume(protobuf: Self.native, at: 200)
        #expect(again.exemplars.isEmpty)
        #expect(scrape.parsedLines == parsed)
        #expect(again.histograms == frame.histograms)
        // A failed scrape ends them: by the marker alone.
        let failed = try scrape.fail(at: 300)
        #expect(failed.layout.histogramSeries == [0, 4, 5])
        #expect(failed.histograms.isEmpty)
        #expect(failed.values[0].bitPattern == StaleMarker.bits)
    }

    /// Of the first one's classic buckets.
    private static let parts = ["6.0", "12.5", "2.0", "6.0"]

    @Test func whatIsReadOfANativeHistogramIsAChoice() throws {
        let names = ["native_count", "native_sum", "native_bucket{le=\"1.0\"}", "native_bucket{le=\"+Inf\"}"]
        let classic = try scrape().consume(protobuf: Self.native, at: 1)
        #expect(Array(lines(classic).prefix(4)) == zip(names, Self.parts).map { "\($0) \($1)" })
        #expect(classic.layout.histogramSeries.isEmpty)
        // A native histogram alone still has a count, a sum and the bucket of everything.
        #expect(
            lines(classic).suffix(3) == ["gauge_count 2.5", "gauge_sum 1.0", "gauge_bucket{le=\"+Inf\"} 2.5"])

        let both = try scrape(.init(scrapeNative: true, alwaysScrapeClassic: true))
            .consume(protobuf: Self.native, at: 1)
        #expect(
            Array(lines(both).prefix(5))
                == ["native histogram sum 12.5"] + zip(names, Self.parts).map { "\($0) \($1)" })
        #expect(lines(both).last == "gauge histogram sum 1.0")

        let converted = try scrape(.init(convertClassicToNHCB: true)).consume(
            protobuf: ProtoBody.family(
                "c", 4,
                [
                    {
                        $0.message(7) {
                            $0.varint(1, 6)
                            $0.double(2, 12.5)
                            $0.bucket(1, 2)
                            $0.bucket(5, 5)
                        }
                    }
                ]), at: 1)
        #expect(lines(converted) == ["c histogram sum 12.5"])
        #expect(
            converted.histograms.map(\.histogram) == [
                NativeHistogram(
                    schema: -53, sum: 12.5, positiveSpans: [.init(offset: 0, length: 3)],
                    counts: .integer(count: 6, zeroCount: 0, positiveDeltas: [2, 1, -2], negativeDeltas: []),
                    customValues: [1, 5])
            ])
    }

    @Test func invalidAndTooLargeHistogramsFailTheScrape() throws {
        func body(count: UInt64, buckets: Int) -> [UInt8] {
            ProtoBody.family(
                "h", 4,
                [
                    {
                        $0.message(7) {
                            $0.varint(1, count)
                            $0.signed(5, 8)
                            $0.span(12, 1, UInt64(buckets))
                            $0.packed(13, signed: [1] + Array(repeating: 0, count: buckets - 1))
                        }
                    }
                ])
        }
        let error = #expect(throws: ScrapeError.self) {
            try scrape(.init(scrapeNative: true)).consume(protobuf: body(count: 3, buckets: 4), at: 1)
        }
        #expect(error?.code == .histogram)
        let reduced = try scrape(.init(scrapeNative: true, bucketLimit: 3)).consume(
            protobuf: body(count: 8, buckets: 8), at: 1)
        #expect(reduced.histograms.map(\.histogram.schema) == [6])
        #expect(reduced.histograms.map(\.histogram.bucketCount) == [2])
        let many = body(count: 60_000, buckets: 60_000)
        let limit = #expect(throws: ScrapeError.self) {
            try scrape(.init(scrapeNative: true, bucketLimit: 3)).consume(protobuf: many, at: 1)
        }
        #expect(limit?.code == .bucketLimit)
        let coarse = try scrape(.init(scrapeNative: true, minBucketFactor: 1.5)).consume(
            protobuf: body(count: 8, buckets: 8), at: 1)
        #expect(coarse.histograms.map(\.histogram.schema) == [0])
        // Off, the same bodies have nothing to fail by.
        #expect(try lines(scrape().consume(protobuf: body(count: 3, buckets: 4), at: 1)).count == 3)
    }

    @Test(arguments: [
        (ProtoBody.family("", 1, [{ $0.message(2) { $0.double(1, 1) } }]), "no metric name"),
        (ProtoBody.family("a", 6, [{ $0.message(2) { $0.double(1, 1) } }]), "6 is no metric type"),
        (ProtoBody.family("a_s", 1, unit: "m", [{ $0.message(2) { $0.double(1, 1) } }]), "no suffix"),
        (ProtoBody.family("a", 1, [{ $0.varint(1, 1) }]), "in a way that is not its own"),
        (
            ProtoBody.family(
                "a", 1,
                [
                    {
                        $0.label("x", "1")
                        $0.label("x", "2")
                    }
                ]), "not unique"
        ),
        ([5, 1], "ends early"), ([1, 0], "impossible tag"), ([0x80], "ends early"),
    ])
    func faultsNameTheirPlace(body: [UInt8], message: String) throws {
        let error = #expect(throws: ScrapeError.self) { try scrape().consume(protobuf: body, at: 1) }
        #expect(error?.description.contains(message) ?? false, "\(String(describing: error))")
        #expect(error?.line == 0)
    }

    /// However a good body is cut or broken, reading it ends in a frame or an error.
    @Test func damageIsRefusedOrRead() throws {
        let options = HistogramConfiguration(scrapeNative: true, alwaysScrapeClassic: true)
        for end in Self.native.indices {
            _ = try? scrape(options).consume(protobuf: Array(Self.native[..<end]), at: 1)
        }
        var generator = SeededGenerator(seed: printedSeed("damageIsRefusedOrRead"))
        for round in 0..<600 {
            var bytes = Self.native
            for _ in 0...generator.next() % 4 {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(
                    truncatingIfNeeded: generator.next())
            }
            let scrape = scrape(round % 2 == 0 ? options : .init(convertClassicToNHCB: true))
            guard let frame = try? scrape.consume(protobuf: bytes, at: 1) else { continue }
            #expect(frame.histograms.allSatisfy { $0.histogram.fault == nil })
            #expect(frame.exemplars.allSatisfy { $0.series < frame.layout.seriesCount })
        }
    }

    @Test func aMessageThatUnfoldsToMoreThanABodyMayHoldIsRefused() throws {
        let long = String(repeating: "x", count: 600_000)
        let body = ProtoBody.family(
            "a", 4,
            [
                {
                    $0.label("l", long)
                    $0.message(7) { for bound in 0..<1_000 { $0.bucket(Double(bound), 1) } }
                }
            ])
        let error = #expect(throws: ScrapeError.self) { try scrape().consume(protobuf: body, at: 1) }
        #expect(error?.code == .bodyTooLarge)
    }
}
