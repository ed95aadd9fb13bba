import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport

@testable import WriteAheadBuffer

/// Threads that do with one buffer whatever may be done at once.
final class RaceCrew: Sendable {
    /// A destination and those that send for it.
    private final class Sending: Sendable {
        let destination: BufferDestination
        /// Held while a frame is read: one reads at a time.
        let reading = Mutex<Void>(())
        let nextNumber = Atomic<UInt64>(1)
        let delivered = Atomic<UInt64>(0)

        init(_ destination: BufferDestination) { self.destination = destination }
    }

    private let buffer: WriteAheadBuffer
    private let registry: MetricRegistry
    private let sendings: [Sending]
    private let isOver = Atomic(false)
    /// Threads that have not ended.
    private let running = Atomic(0)
    private let appended = Atomic<UInt64>(0)
    private let rounds = Mutex<[String: Int]>([:])
    private let problems = Mutex<[String]>([])
    private let seed: UInt64

    init(folder: String, seed: UInt64) throws {
        self.seed = seed
        let logger = Logger(label: "races") { _ in SwiftLogNoOpLogHandler() }
        let registry = MetricRegistry()
        let buffer = try WriteAheadBuffer(
            BufferConfiguration(
                directory: folder, segmentSizeBytes: 16 << 10, segmentMaxAgeMs: 500,
                retentionBytes: 256 << 10, syncIntervalMs: 20, reserveBytes: 4_096),
            interner: LayoutInterner(), clock: SystemClock(), files: POSIXFiles(), registry: registry,
            logger: logger)
        sendings = [
            Sending(try buffer.openDestination("d0")), Sending(try buffer.openDestination("d1")),
        ]
        self.buffer = buffer
        self.registry = registry
    }

    /// Lets all work for so long; what the parts did, and what is wrong in the end.
    func work(seconds: Double) throws -> (rounds: [String: Int], problems: [String]) {
        for part in 0..<2 { try begin("appender") { $0.append(part) } }
        for sending in sendings.indices {
            for part in 0..<3 { try begin("sender") { $0.send(sending, part) } }
        }
        try begin("keeper") { $0.keep() }
        try begin("reloader") { $0.reload() }
        try begin("onlooker") { $0.look() }
        SystemThread.pause(ms: Int(seconds * 1_000))
        isOver.store(true, ordering: .sequentiallyConsistent)
        // A part that does not end in a minute hangs.
        for _ in 0..<6_000 where running.load(ordering: .sequentiallyConsistent) > 0 {
            SystemThread.pause(ms: 10)
        }
        guard running.load(ordering: .sequentiallyConsistent) == 0 else {
            return (rounds.withLock { $0 }, ["some threads do not end"])
        }
        try end()
        return (rounds.withLock { $0 }, problems.withLock { $0 })
    }

    private func begin(_ name: String, _ body: @escaping @Sendable (RaceCrew) -> Void) throws {
        running.wrappingAdd(1, ordering: .sequentiallyConsistent)
        try SystemThread.start(name: name, stackSizeBytes: 2 << 20) { [self] in
            body(self)
            running.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }
    }

    private var goesOn: Bool { !isOver.load(ordering: .sequentiallyConsistent) }

    private func count(_ what: String) { rounds.withLock { $0[what, default: 0] += 1 } }

    /// A call that fails on a good disk is a finding.
    private func attempt(_ what: String, _ body: () throws(BufferError) -> Void) {
        count(what)
        do throws(BufferError) {
            try body()
        } catch {
            problems.withLock { if $0.count < 20 { $0.append("\(what): \(error)") } }
        }
    }

    // MARK: parts

    private func append(_ part: Int) {
        var generator = SplitMix64(seed: seed &+ UInt64(part))
        while goesOn {
            let frame = FaultFrames.frame(Int(generator.next() % 3_000))
            attempt("append") { () throws(BufferError) in
                try buffer.append(frame)
                appended.wrappingAdd(UInt64(frame.sampleCount), ordering: .relaxed)
            }
            if generator.next() % 16 == 0 { SystemThread.pause(ms: 1) }
        }
    }

    private func send(_ index: Int, _ part: Int) {
        var generator = SplitMix64(seed: seed &+ UInt64(100 + 10 * index + part))
        let sending = sendings[index]
        while goesOn {
            if !sendOnce(sending, &generator) { SystemThread.pause(ms: 1) }
        }
    }

    /// Reads, notes and answers for some frames; false at the tail.
    private func sendOnce(_ sending: Sending, _ generator: inout SplitMix64) -> Bool {
        let reader = sending.destination.reader
        var frames: [StoredFrame] = []
        attempt("next") { () throws(BufferError) in
            try sending.reading.withLock { _ throws(BufferError) in
                while frames.count < 4, let stored = try reader.next() { frames.append(stored) }
            }
        }
        guard !frames.isEmpty else { return false }
        let number = sending.nextNumber.wrappingAdd(1, ordering: .relaxed).oldValue
        var ranges = AnsweredRanges()
        var outcome = Outcomes()
        for stored in frames {
            for samples in stored.open {
                ranges.insert(stored.cover(samples))
                outcome.deliver(samples.count, of: stored.frame.target.job)
            }
        }
        attempt("willSend") { () throws(BufferError) in
            try reader.willSend([number: SentRequest(spans: ranges.ranges)])
        }
        if generator.next() % 8 == 0 { SystemThread.pause(ms: 2) }
        attempt("answered") { () throws(BufferError) in
            try reader.answered([number], ranges: ranges.ranges, outcome: outcome)
            sending.delivered.wrappingAdd(outcome.delivered, ordering: .relaxed)
        }
        return true
    }

    /// Rounds of the keeper, on its thread.
    private func keep() {
        while goesOn {
            onKeeper("keep") { buffer in buffer.keep(syncs: true) }
            SystemThread.pause(ms: 5)
        }
    }

    /// Destinations that come, get another name and go, on the keeper's thread.
    private func reload() {
        var number = 0
        while goesOn {
            number += 1
            let (name, next) = ("x\(number)", "y\(number)")
            onKeeper("begin") { buffer in try? buffer.begin(name) }
            onKeeper("read by a new destination") { [self] buffer in
                let new = buffer.destinations.withLock { $0.first { $0.name == name } }
                attempt("next of a new destination") { () throws(BufferError) in _ = try new?.reader.next() }
                return nil
            }
            onKeeper("rename") { buffer in try? buffer.rename(name, to: next) }
            onKeeper("retire") { buffer in buffer.retire(next) }
            SystemThread.pause(ms: 20)
        }
    }

    /// Has the keeper do something, and waits for it.
    private func onKeeper(_ what: String, _ body: @escaping @Sendable (WriteAheadBuffer) -> Any?) {
        count(what)
        let isDone = ConditionQueue<Void>()
        buffer.keeper.post { [buffer] in
            _ = body(buffer)
            isDone.close()
        }
        _ = isDone.pop()
    }

    /// Whoever asks for figures.
    private func look() {
        while goesOn {
            count("look")
            _ = buffer.ledger()
            _ = registry.render()
            _ = buffer.currentSegments
            _ = (buffer.sizeBytes, buffer.baseBytes, buffer.appendedHighestTimestampMs)
            for sending in sendings {
                _ = (sending.destination.sampleCounts, sending.destination.reader.oldestOpenMs)
                _ = (sending.destination.reader.rangeCount, sending.destination.reader.footprint)
            }
            buffer.letGoOfThePast()
            SystemThread.pause(ms: 2)
        }
    }

    // MARK: the end

    /// Sends the rest; the books close.
    private func end() throws {
        var generator = SplitMix64(seed: seed)
        for sending in sendings {
            while sendOnce(sending, &generator) {}
            // Once more: with nothing in flight what is lost is booked at the tail.
            _ = sendOnce(sending, &generator)
        }
        let ledger = buffer.ledger()
        let scraped = ledger.jobs.values.reduce(0, +)
        let own = appended.load(ordering: .relaxed)
        if scraped != own { note("\(own) samples were appended and the ledger says \(scraped)") }
        for sending in sendings {
            let books = (ledger.destinations[sending.destination.name] ?? [:]).values
            let delivered = books.reduce(0) { $0 + $1.delivered }
            let rest = books.reduce(0) { $0 + $1.buffered }
            let dropped = books.reduce(0) { $0 + $1.dropped.values.reduce(0, +) }
            let sent = sending.delivered.load(ordering: .relaxed)
            if delivered != sent { note("\(sent) samples were delivered and the books say \(delivered)") }
            if rest > 0 { note("\(rest) samples are left in the books where nothing is left to read") }
            if delivered + dropped != scraped {
                note("\(delivered) delivered and \(dropped) let go are not the \(scraped) scraped")
            }
            let reasons = Set(books.flatMap(\.dropped.keys)).subtracting([BufferDropReason.retentionSize])
            if !reasons.isEmpty { note("samples are lost: \(reasons.sorted())") }
        }
        try buffer.close()
    }

    private func note(_ problem: String) { problems.withLock { $0.append(problem) } }
}
