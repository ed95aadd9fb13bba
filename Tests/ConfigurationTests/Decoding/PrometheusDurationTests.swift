import Testing

@testable import Configuration

@Suite struct PrometheusDurationTests {
    @Test(arguments: [
        ("0", 0), ("0w", 0), ("0s", 0), ("324ms", 324), ("3s", 3_000), ("5m", 300_000), ("1h", 3_600_000),
        ("4d", 345_600_000), ("4d1h", 349_200_000), ("14d", 1_209_600_000), ("3w", 1_814_400_000),
        ("3w2d1h", 1_990_800_000), ("10y", 315_360_000_000), ("1h30m", 5_400_000), ("1m500ms", 60_500),
        ("200y", 6_307_200_000_000),
    ])
    func parsesPrometheusGrammar(text: String, ms: Int64) {
        #expect(PrometheusDuration.parse(text) == ms)
    }

    @Test(arguments: [
        "", "1", "30", "-1m", "1.5d", "d", "294y", "200y10400w", "107675d", "2584200h", "1y1y", "1m1h",
        "1s1m", " 1s",
        "1s ", "1S", "99999999999999999999s", "1µs", "1h30", "٣s",
    ])
    func refusesTheRest(text: String) {
        #expect(PrometheusDuration.parse(text) == nil)
    }

    @Test(arguments: [
        (0, "0s"), (324, "324ms"), (60_000, "1m"), (90_000, "1m30s"), (5_400_000, "1h30m"),
        (86_400_000, "1d"),
        (90_000_000, "1d1h"), (604_800_000, "1w"), (691_200_000, "8d"), (31_536_000_000, "1y"),
        (1_001, "1s1ms"),
    ])
    func printsAsPrometheusDoes(ms: Int64, text: String) {
        #expect(PrometheusDuration.text(ms: ms) == text)
        #expect(PrometheusDuration.parse(text) == ms)
    }
}
