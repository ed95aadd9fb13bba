import Configuration
import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import RemoteWrite

/// A writer on a buffer in memory, with a clock that moves whenever somebody sleeps on it and nobody works.
struct WriterFixture {
    var clock = ManualClock(wallMs: 1_700_000_000_000)
    /// One thread, so that whoever waits for a job of his own has waited for all before it.
    let workers = WorkerPool(name: "test", threads: 1)
    private let tasks = CountingExecutor()
    let registry = MetricRegistry()
    let said = SaidLines()

    func writer(
        _ store: BufferedDestination, _ receiver: FakeReceiver,
        queue: QueueConfiguration = QueueConfiguration(),
        url: String = "http://receiver.example/api/v1/write"
    ) -> RemoteWriter {
        RemoteWriter(
            configuration: RemoteWriteConfiguration(url: url, name: "main", queue: queue),
            destination: store.destination, http: receiver, credentials: nil, region: nil,
            workers: workers, clock: clock, registry: registry,
            logger: said.logger)
    }

    /// Runs the writer until `condition` holds. `between` is called before each look at it.
    func run(
        _ writer: RemoteWriter, between: () -> Void = {}, until condition: () -> Bool
    ) async {
        let running = Task(executorPreference: tasks) { await writer.run() }
        var isReached = false
        var idleAt: UInt64?
        for _ in 0..<2_000_000 {
            between()
            if condition() {
                isReached = true
                break
            }
            if clock.sleeperCount > 0 {
                // Where no job has come since the last look nobody has begun to work.
                if idleAt != jobCount { idleAt = await idleCount() }
                if idleAt != nil { clock.advance(ms: 5) }
            }
            await Task.yield()
        }
        if !isReached { Issue.record("the condition is reached") }
        running.cancel()
        await running.value
    }

    /// How many jobs of the writer's tasks there were so far, once all are over and none has come meanwhile;
    /// nil when one has. A busy machine makes nobody late by this clock, as it stands still until then.
    private func idleCount() async -> UInt64? {
        let count = jobCount
        await tasks.drained()
        await workers.run {}
        return jobCount == count ? count : nil
    }

    /// Jobs of the writer's tasks: its slots run on the workers.
    private var jobCount: UInt64 { tasks.count + workers.jobCount }

    func frames(_ count: Int, series: Int, job: String = "node") -> [Frame] {
        let target = TestFrames.target(job: job, [Label("instance", "\(job):9100"), Label("job", job)])
        return (0..<count).map {
            TestFrames.frame(
                target, count: series, timestampMs: clock.wallMs - 60_000 + Int64($0) * 1_000,
                firstValue: Double($0))
        }
    }

    /// What a metric with this beginning shows; nil when it is not on the page.
    func metric(_ start: String) -> Double? {
        registry.render().split(separator: "\n").first { $0.hasPrefix(start) }.flatMap {
            $0.split(separator: " ").last.flatMap { Double($0) }
        }
    }
}

/// A logger that keeps what was said.
final class SaidLines: Sendable {
    private let lines = Mutex<[(level: Logger.Level, text: String)]>([])
    private let whenSaid: @Sendable (String) -> Void

    /// `whenSaid` is called with each line, by the task that says it.
    init(whenSaid: @escaping @Sendable (String) -> Void = { _ in }) { self.whenSaid = whenSaid }

    var all: [String] { lines.withLock { $0.map(\.text) } }

    func all(_ part: String) -> [String] { all.filter { $0.contains(part) } }

    /// The levels of the lines with `part`.
    func levels(_ part: String) -> [Logger.Level] {
        lines.withLock { $0.filter { $0.text.contains(part) }.map(\.level) }
    }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(said: self) }
    }

    private struct Handler: LogHandler {
        let said: SaidLines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let extra = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let text = ([event.message.description] + extra).joined(separator: " ")
            said.lines.withLock { $0.append((event.level, text)) }
            said.whenSaid(text)
        }
    }
}

extension FakeReceiver {
    /// How many samples each request so far held.
    var sizes: [Int] {
        // Every body here was made by this module, so it can be decoded.
        bodies.map { (try? ReferenceCodec.samples(ofBody: $0).count) ?? 0 }
    }
}
