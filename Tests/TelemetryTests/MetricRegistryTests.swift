import Telemetry
import Testing

struct MetricRegistryTests {
    let registry = MetricRegistry()

    @Test func anEmptyRegistryIsAnEmptyPage() {
        #expect(registry.render() == "")
    }

    @Test func rendersFamiliesByNameAndChildrenByLabels() {
        registry.counter("b_total", help: "B.", labels: [("x", "2")]).add(3)
        registry.counter("b_total", help: "B.", labels: [("x", "1")]).add()
        registry.gauge("a", help: "A.").set(-1.5)
        #expect(
            registry.render() == """
                # HELP a A.
                # TYPE a gauge
                a -1.5
                # HELP b_total B.
                # TYPE b_total counter
                b_total{x="1"} 1
                b_total{x="2"} 3

                """)
    }

    @Test func theSameNameAndLabelsAreTheSameInstrument() {
        let first = registry.counter("c_total", help: "C.", labels: [("a", "1"), ("b", "2")])
        let second = registry.counter("c_total", help: "C.", labels: [("b", "2"), ("a", "1")])
        #expect(first === second)
        second.add(2)
        #expect(first.value == 2)
        #expect(registry.counter("c_total", help: "C.", labels: [("a", "1")]) !== first)
        #expect(registry.render().split(separator: "\n").count == 4)
    }

    @Test func labelsThatOnlyLookEqualAreNot() {
        // Joined without escaping both would read a="1",b="2".
        let first = registry.counter("c_total", help: "C.", labels: [("a", "1\",b=\"2")])
        let second = registry.counter("c_total", help: "C.", labels: [("a", "1"), ("b", "2")])
        #expect(first !== second)
    }

    @Test func hostileTextIsEscaped() {
        registry.gauge("g", help: "back\\slash \"quotes\"\nnew line", labels: [("l", "a\\b\"c\nd\re\u{0}ü😀")])
            .set(1)
        let page = registry.render()
        #expect(page.contains("# HELP g back\\\\slash \"quotes\"\\nnew line\n"))
        #expect(page.contains("g{l=\"a\\\\b\\\"c\\nd\re\u{0}ü😀\"} 1\n"))
        #expect(page.split(separator: "\n", omittingEmptySubsequences: false).count == 4)
    }

    @Test(
        arguments: [
            (0, "0"), (-0.0, "0"), (1, "1"), (-17, "-17"), (0.1, "0.1"), (1e15, "1000000000000000"),
            (1e300, "1e+300"),
            (1e-7, "1e-07"), (.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
            (9.007199254740993e15, "9007199254740992"), (.leastNonzeroMagnitude, "5e-324"),
        ] as [(Double, String)])
    func numbersReadAsPrometheusReadsThem(value: Double, text: String) {
        registry.gauge("g", help: "").set(value)
        #expect(registry.render().hasSuffix("\ng \(text)\n"))
    }

    @Test func histogramIsCumulativeAndEndsWithInf() {
        let histogram = registry.histogram(
            "h_seconds", help: "H.", bounds: [0.005, 1, 2.5], labels: [("job", "a")])
        for value in [0.001, 0.005, 0.0051, 1, 2, 2.5, 3, 1e9] { histogram.observe(value) }
        #expect(
            registry.render() == """
                # HELP h_seconds H.
                # TYPE h_seconds histogram
                h_seconds_bucket{job="a",le="0.005"} 2
                h_seconds_bucket{job="a",le="1"} 4
                h_seconds_bucket{job="a",le="2.5"} 6
                h_seconds_bucket{job="a",le="+Inf"} 8
                h_seconds_sum{job="a"} 1000000008.5111
                h_seconds_count{job="a"} 8

                """)
    }

    @Test func anEmptyHistogramShowsItsZeros() {
        _ = registry.histogram("h", help: "H.", bounds: [1])
        #expect(
            registry.render().hasSuffix("h_bucket{le=\"1\"} 0\nh_bucket{le=\"+Inf\"} 0\nh_sum 0\nh_count 0\n")
        )
    }

    @Test func aNaNIsCountedAboveEveryBound() {
        let histogram = registry.histogram("h", help: "H.", bounds: [1])
        histogram.observe(.nan)
        #expect(registry.render().hasSuffix("h_bucket{le=\"+Inf\"} 1\nh_sum NaN\nh_count 1\n"))
    }

    @Test func openMetricsHasItsOwnRules() {
        registry.counter("c_total", help: "A \"C\".", labels: [("x", "1")]).add(3)
        registry.counter("odd", help: "O.").add()
        registry.gauge("g_bytes", help: "G.").set(1.5)
        registry.histogram("h_seconds", help: "H.", bounds: [0.5, 1]).observe(1)
        registry.observe("read_total", help: "R.", type: .counter) { [Measurement(value: 2)] }
        #expect(
            registry.render(.openMetrics) == """
                # HELP c A \\"C\\".
                # TYPE c counter
                c_total{x="1"} 3
                # HELP g_bytes G.
                # TYPE g_bytes gauge
                # UNIT g_bytes bytes
                g_bytes 1.5
                # HELP h_seconds H.
                # TYPE h_seconds histogram
                # UNIT h_seconds seconds
                h_seconds_bucket{le="0.5"} 0
                h_seconds_bucket{le="1.0"} 1
                h_seconds_bucket{le="+Inf"} 1
                h_seconds_sum 1
                h_seconds_count 1
                # HELP odd O.
                # TYPE odd counter
                odd_total 1
                # HELP read R.
                # TYPE read counter
                read_total 2
                # EOF

                """)
        #expect(MetricRegistry().render(.openMetrics) == "# EOF\n")
    }

    @Test func readersAreReadAtEachPageUntilTheyAreRemoved() {
        let gauge = registry.gauge("source", help: "S.")
        let token = registry.observe("read", help: "R.", type: .gauge) {
            [Measurement(value: gauge.value), Measurement(labels: [("a", "b")], value: 2)]
        }
        gauge.set(5)
        #expect(registry.render().contains("# TYPE read gauge\nread 5\nread{a=\"b\"} 2\n"))
        gauge.set(6)
        #expect(registry.render().contains("read 6\n"))
        registry.removeReader(token)
        #expect(!registry.render().contains("read"))
        registry.removeReader(token)
    }

    @Test func aReaderThatSaysNothingLeavesNoHeader() {
        registry.observe("silent", help: "S.", type: .counter) { [] }
        #expect(registry.render() == "")
    }

    @Test func aRemovedJobLeavesAndTheOthersStay() {
        let kept = registry.counter("c_total", help: "C.", labels: [("job", "a"), ("x", "1")])
        _ = registry.counter("c_total", help: "C.", labels: [("job", "b")])
        _ = registry.gauge("g", help: "G.", labels: [("job", "b")])
        registry.remove(where: "job", is: "b")
        let page = registry.render()
        #expect(page == "# HELP c_total C.\n# TYPE c_total counter\nc_total{job=\"a\",x=\"1\"} 0\n")
        #expect(registry.counter("c_total", help: "C.", labels: [("job", "a"), ("x", "1")]) === kept)
    }

    @Test func manyTasksCountExactly() async {
        let counter = registry.counter("c_total", help: "C.")
        let histogram = registry.histogram("h", help: "H.", bounds: [1])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<10_000 { counter.add() }
                    for _ in 0..<1_000 { histogram.observe(0.5) }
                }
            }
            // Rendering meanwhile must neither block nor tear.
            for _ in 0..<20 { _ = registry.render() }
        }
        #expect(counter.value == 80_000)
        #expect(registry.render().contains("h_count 8000\n"))
    }

    @Test func aNameKeepsItsType() async {
        await #expect(processExitsWith: .failure) {
            let registry = MetricRegistry()
            _ = registry.counter("a", help: "")
            _ = registry.gauge("a", help: "")
        }
    }

    @Test func boundsAscendAndAreFinite() async {
        await #expect(processExitsWith: .failure) {
            _ = MetricRegistry().histogram("h", help: "", bounds: [2, 1])
        }
        await #expect(processExitsWith: .failure) {
            _ = MetricRegistry().histogram("h", help: "", bounds: [1, .infinity])
        }
    }
}
