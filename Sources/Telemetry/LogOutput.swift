public import Logging
public import Platform

/// Sends swift-log to standard error, a line an event, each with one write(2).
public enum LogOutput {
    /// Call once, before the first logger is made.
    public static func bootstrap(
        level: Logger.Level, format: LogFormat, clock: any AgentClock = SystemClock()
    ) {
        LoggingSystem.bootstrap { label in
            LineLogHandler(label: label, level: level, format: format, clock: clock)
        }
    }
}
