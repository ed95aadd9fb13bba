import Logging
import Platform
import Synchronization

/// Keeps what is logged, with the time by the clock of the test.
final class TimedLines: Sendable {
    struct Line: Sendable {
        let level: Logger.Level
        /// Without its metadata.
        let sentence: String
        let metadata: [String: String]
        let atNs: UInt64
    }

    private struct Handler: LogHandler {
        let kept: TimedLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
            kept.keep(
                Line(
                    level: event.level, sentence: "\(event.message)", metadata: all,
                    atNs: kept.clock.monotonicNs))
        }
    }

    private let clock: any AgentClock
    private let kept = Mutex<[Line]>([])

    init(_ clock: any AgentClock) { self.clock = clock }

    private func keep(_ line: Line) { kept.withLock { $0.append(line) } }

    var all: [Line] { kept.withLock { $0 } }

    /// Warnings and errors.
    var alarms: [Line] { all.filter { $0.level >= .warning } }

    /// How many warnings and errors there are.
    var alarmCount: Int { kept.withLock { $0.count { $0.level >= .warning } } }

    func forget() { kept.withLock { $0 = [] } }

    var logger: Logger { Logger(label: "torture") { _ in Handler(kept: self) } }
}
