import Logging
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Agent

struct LogRelayTests {
    /// Holds those up who write.
    private final class Reader: Sendable {
        let isThere = ConditionQueue<Void>()
        /// Lines that were begun.
        let begun = Atomic<Int>(0)
    }

    /// A log that is read only once the reader is there.
    private struct Handler: LogHandler {
        let reader: Reader
        let next: any LogHandler
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            reader.begun.add(1, ordering: .relaxed)
            _ = reader.isThere.pop()
            next.log(event: event)
        }
    }

    private let reader = Reader()
    private let lines = LogLines()
    private var logger: Logger {
        Logger(label: "test") { _ in Handler(reader: reader, next: lines.logger.handler) }
    }

    private func wait(for count: Int) async throws {
        while lines.lines.count < count { try await Task.sleep(for: .milliseconds(2)) }
    }

    /// The steps go on while nobody reads the log, and what they have to say comes later.
    @Test(.timeLimit(.minutes(1))) func aLogThatNobodyReadsHoldsNoStepUp() async throws {
        let process = FakeProcess()
        let keeper = MemoryKeeper(
            MemoryCeiling(bytes: 100 << 20, source: .flag), account: MemoryAccount(memoryBytes: 100 << 20),
            registry: MetricRegistry(), logger: logger, leastSeries: 0)
        process.set { $0.jobs = ["a": .init(series: 10)] }
        for (second, mebibytes) in [81, 86, 93, 96].enumerated() {
            process.set { $0.usedBytes = UInt64(mebibytes) << 20 }
            _ = keeper.look(process.means, nowNs: UInt64(second) * 1_000_000_000)
        }
        #expect(keeper.stepNumber == 5 && process.shedding == ["a"] && process.holding == ["a"])
        #expect(lines.lines.isEmpty)
        reader.isThere.close()
        try await wait(for: 6)
        #expect(lines.lines.first?.contains("step=1") ?? false)
        #expect(lines.lines.last?.contains("step=5") ?? false)
    }

    @Test(.timeLimit(.minutes(1))) func linesThatWaitAreBoundedAndCounted() async throws {
        let relay = LogRelay(logger)
        func line(_ number: Int) -> LogRelay.Line {
            LogRelay.Line(level: .info, text: "line \(number).", metadata: [:])
        }
        relay.write([line(0)])
        while reader.begun.load(ordering: .relaxed) == 0 { try await Task.sleep(for: .milliseconds(2)) }
        for number in 1...300 { relay.write([line(number)]) }
        reader.isThere.close()
        try await wait(for: 1 + LogRelay.mostLines + 1)
        #expect(lines.lines.first?.contains("line 0.") ?? false)
        let lost = 300 - LogRelay.mostLines
        #expect(lines.lines.last?.contains("are left out: nobody has read the log lines=\(lost)") ?? false)
        // Later ones are written as ever.
        relay.write([line(1_000)])
        try await wait(for: 1 + LogRelay.mostLines + 2)
        #expect(lines.lines.last?.contains("line 1000.") ?? false)
    }

    /// Where no thread can be made they wait for a later call.
    @Test func withoutAThreadLinesWait() {
        let mayRun = Atomic<Bool>(false)
        let relay = LogRelay(lines.logger) { body in
            guard mayRun.load(ordering: .relaxed) else { return false }
            body()
            return true
        }
        relay.write([LogRelay.Line(level: .info, text: "one", metadata: [:])])
        #expect(lines.lines.isEmpty)
        mayRun.store(true, ordering: .relaxed)
        relay.write([])
        #expect(lines.lines.count == 1)
    }
}
