import Configuration
import Logging
import Platform
import Telemetry

/// What the log and the metrics tell about a machine's clock that jumps.
enum ClockReport {
    /// The agent's clock over `machine`'s, which says in the log what becomes of a jump.
    static func steady(_ machine: any AgentClock, logger: Logger) -> SteadyClock {
        SteadyClock(machine) { event in
            let line = line(for: event)
            logger.log(level: line.level, "\(line.text)", metadata: line.metadata)
        }
    }

    static func register(in registry: MetricRegistry, clock: SteadyClock) {
        registry.observe(
            "narthex_clock_jump_seconds",
            help:
                "How far the machine's clock is from the agent's count of the time while a jump is doubted.",
            type: .gauge
        ) { [Measurement(value: Double(clock.doubtedMs) / 1_000)] }
    }

    static func line(
        for event: ClockJudge.Event
    ) -> (level: Logger.Level, text: String, metadata: Logger.Metadata) {
        switch event {
        case .beganTooEarly(let wallMs):
            (
                .error,
                "the machine's clock shows a time before this version was made: scrapes wait until it is set",
                ["clock": time(wallMs)]
            )
        case .becameCredible(let wallMs):
            (.warning, "the machine's clock was set: scrapes begin", ["clock": time(wallMs)])
        case .jumped(let byMs, let wallMs, isCredible: true):
            (
                .warning,
                """
                the machine's clock has jumped \(direction(byMs)) beyond the time that passed: the agent \
                goes on with its own count of the time and gives nothing up for its age by the new one, \
                until the kernel says that the clock is synchronised or the jump has stood for \
                \(span(ClockJudge.standingMs))
                """, ["jump": amount(byMs), "clock": time(wallMs)]
            )
        case .jumped(let byMs, let wallMs, isCredible: false):
            (
                .error,
                """
                the machine's clock has jumped back to a time before this version was made: the agent goes \
                on with its own count of the time until the clock is set
                """, ["jump": amount(byMs), "clock": time(wallMs)]
            )
        case .returned:
            (.info, "the machine's clock is back at the time that the agent has counted", [:])
        case .followed(let byMs, let reason):
            (
                .warning,
                """
                the agent follows the machine's clock, which has jumped \(direction(byMs)) beyond the time \
                that passed: \(because(reason))\(byMs < -mostAheadMs ? whatABackStepCosts : "")
                """, ["jump": amount(byMs)]
            )
        case .isBehindNewest(let byMs):
            (
                .warning,
                """
                the machine's clock is behind the newest sample in the buffer: a receiver may refuse new \
                samples as out of order until the clock has passed it
                """, ["behind": amount(byMs)]
            )
        case .isAheadOfNewest(let byMs):
            (
                .info,
                """
                the machine's clock is ahead of the newest sample in the buffer, and the kernel does not \
                say that it is synchronised: nothing that an earlier run left is given up for the \
                difference until the kernel says so or \(span(ClockJudge.standingMs)) have passed
                """, ["ahead": amount(byMs)]
            )
        case .agesFollow(let reason):
            (
                .info,
                "what an earlier run left is judged by the machine's clock again: \(because(reason))", [:]
            )
        }
    }

    /// Receivers refuse samples that lie further ahead: Prometheus, and Cortex by its default.
    private static let mostAheadMs: Int64 = 10 * 60_000

    private static let whatABackStepCosts = """
        . Each target's samples are left out until the clock has passed its last scrape; a restart of the \
        agent ends that at once, and receivers that have refused the samples of the future then take new ones
        """

    private static func because(_ reason: ClockJudge.Reason) -> String {
        switch reason {
        case .synchronised: "the kernel says that it is synchronised"
        case .hasStood: "it has stood for \(span(ClockJudge.standingMs))"
        }
    }

    private static func direction(_ byMs: Int64) -> String { byMs < 0 ? "back" : "ahead" }

    private static func time(_ wallMs: Int64) -> Logger.MetadataValue { "\(Timestamp.text(ms: wallMs))" }

    private static func amount(_ byMs: Int64) -> Logger.MetadataValue { "\(span(abs(byMs)))" }

    /// In whole seconds.
    private static func span(_ ms: Int64) -> String { PrometheusDuration.text(ms: ms / 1_000 * 1_000) }
}
