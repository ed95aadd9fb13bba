import TestSupport
import Testing

@testable import Telemetry

struct SummaryTests {
    let clock = ManualClock()
    let registry = MetricRegistry()

    private func summary() -> Summary {
        registry.summary("s_seconds", help: "S.", objectives: .upperTail, clock: clock, labels: [("a", "b")])
    }

    private var values: [Double] { summary().snapshot.quantiles.map(\.value) }

    @Test func rendersQuantilesSumAndCountAsPrometheusDoes() {
        for value in 1...3 { summary().observe(Double(value)) }
        #expect(
            registry.render() == """
                # HELP s_seconds S.
                # TYPE s_seconds summary
                s_seconds{a="b",quantile="0.5"} 2
                s_seconds{a="b",quantile="0.9"} 3
                s_seconds{a="b",quantile="0.99"} 3
                s_seconds_sum{a="b"} 6
                s_seconds_count{a="b"} 3

                """)
    }

    @Test func anEmptySummaryHasQuantilesThatAreNoNumber() {
        _ = summary()
        #expect(registry.render().contains("s_seconds{a=\"b\",quantile=\"0.99\"} NaN\n"))
        #expect(registry.render().hasSuffix("s_seconds_sum{a=\"b\"} 0\ns_seconds_count{a=\"b\"} 0\n"))
    }

    @Test func quantilesForgetAfterTenMinutesAndTheTotalsDoNot() {
        summary().observe(7)
        clock.advance(ms: 479_000)
        summary().observe(1)
        // Eight minutes are remembered, ten are not.
        #expect(values == [1, 7, 7])
        clock.advance(ms: 121_000)
        #expect(values == [1, 1, 1])
        clock.advance(ms: 3_600_000)
        let isForgotten = values.allSatisfy { $0.isNaN }
        #expect(isForgotten)
        #expect(summary().snapshot.sum == 8)
        #expect(summary().snapshot.count == 2)
        summary().observe(3)
        #expect(values == [3, 3, 3])
    }

    @Test func valuesThatWaitBelongToTheirOwnWindow() {
        for _ in 0..<10 { summary().observe(7) }
        // Nobody looks for longer than the window.
        clock.advance(ms: 700_000)
        summary().observe(1)
        #expect(values == [1, 1, 1])
    }

    @Test func whatIsNoNumberIsLeftOut() {
        summary().observe(.nan)
        summary().observe(.infinity)
        #expect(summary().snapshot.count == 1)
        #expect(values == [.infinity, .infinity, .infinity])
    }

    @Test func aWindowOfManyValuesTakesFewBytes() {
        for number in 0..<100_000 {
            if number % 1_000 == 0 { clock.advance(ms: 6_000) }
            summary().observe(Double(number &* 7_919 % 100_003))
        }
        #expect(summary().byteCount < 40_000)
    }
}
