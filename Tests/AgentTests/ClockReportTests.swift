import Logging
import Platform
import Telemetry
import TestSupport
import Testing

@testable import Agent

struct ClockReportTests {
    @Test(arguments: [
        (
            ClockJudge.Event.jumped(byMs: 7_200_400, wallMs: 1_800_000_000_000, isCredible: true),
            Logger.Level.warning, "has jumped ahead beyond the time that passed",
            ["jump": "2h", "clock": "2027-01-15T08:00:00.000Z"]
        ),
        (
            .jumped(byMs: -7_200_400, wallMs: 1_800_000_000_000, isCredible: true), .warning,
            "or the jump has stood for 10m", ["jump": "2h", "clock": "2027-01-15T08:00:00.000Z"]
        ),
        (
            .jumped(byMs: -1_800_000_000_000, wallMs: 0, isCredible: false), .error,
            "has jumped back to a time before this version was made",
            ["jump": "20833d8h", "clock": "1970-01-01T00:00:00.000Z"]
        ),
        (
            .beganTooEarly(wallMs: 5_000), .error, "scrapes wait until it is set",
            ["clock": "1970-01-01T00:00:05.000Z"]
        ),
        (
            .followed(byMs: 90_000, .synchronised), .warning, "the kernel says that it is synchronised",
            ["jump": "1m30s"]
        ),
        (.followed(byMs: -90_000, .hasStood), .warning, "it has stood for 10m", ["jump": "1m30s"]),
        (
            .followed(byMs: -7_200_000, .synchronised), .warning,
            "synchronised. Each target's samples are left out until the clock has passed its last scrape; a "
                + "restart of the agent ends that at once", ["jump": "2h"]
        ),
        (.isBehindNewest(byMs: 60_000), .warning, "behind the newest sample", ["behind": "1m"]),
        (.isAheadOfNewest(byMs: 60_000), .info, "ahead of the newest sample", ["ahead": "1m"]),
        (.returned, .info, "is back at the time", [:]),
        (.agesFollow(.hasStood), .info, "judged by the machine's clock again", [:]),
    ])
    func saysWhatBecomesOfAJump(
        event: ClockJudge.Event, level: Logger.Level, part: String, metadata: [String: String]
    ) {
        let line = ClockReport.line(for: event)
        #expect(line.level == level)
        #expect(line.text.contains(part), "\(line.text)")
        #expect(line.metadata.mapValues { "\($0)" } == metadata)
    }

    @Test func aDoubtedJumpStandsOnThePage() {
        let machine = ManualClock(wallMs: 1_800_000_000_000)
        let clock = ClockReport.steady(
            machine, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let registry = MetricRegistry()
        ClockReport.register(in: registry, clock: clock)
        #expect(registry.render().contains("narthex_clock_jump_seconds 0\n"))
        machine.setWall(ms: machine.wallMs - 60_500)
        #expect(registry.render().contains("narthex_clock_jump_seconds -60.5\n"))
    }
}
