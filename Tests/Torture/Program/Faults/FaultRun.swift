import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport

@testable import WriteAheadBuffer

/// One buffer at work on a disk that may fail, and what is known of its frames. One thread.
final class FaultRun {
    /// Whether frames that the disk refuses go to the destinations from memory, so that none is lost.
    static let framesGoToMemory = true

    let door: FaultDoor
    let directory: String
    let clock: ManualClock
    let lines: TimedLines
    let retentionBytes: UInt64
    var model: FaultModel
    /// The same when everything was durable last.
    private(set) var durable: FaultModel
    private(set) var buffer: WriteAheadBuffer?
    private(set) var senders: [FaultSender] = []
    private(set) var findings: [String] = []
    private(set) var failures: FaultFailures
    /// Calls of the buffer that threw.
    private(set) var thrown = 0
    /// Frames that had been refused when the buffer was started.
    private(set) var failedBefore = 0
    /// A run before this one has let segments go that were not answered for.
    var hasLostSegments = false
    /// Retention took segments that could not be opened at any time.
    var mayBookTwice = false
    /// Numbers of all frames that may be read.
    private var known: Set<Int>
    /// Numbers of frames that the disk has refused and memory has taken: a stop or a kill may cost them.
    private(set) var inMemory: Set<Int> = []
    /// Frames may come again: the cursor that knew of their answers may be in memory alone.
    var mayRepeat = false
    private let interner = LayoutInterner()
    private var generator: SplitMix64
    private let salts: SaltSource
    /// Warnings and errors of buffers before this one.
    private var earlierAlarms: [[TimedLines.Line]] = []

    /// Salts that differ, and are the same in each run.
    private final class SaltSource: Sendable {
        private let generator: Mutex<SplitMix64>

        init(_ seed: UInt64) { generator = Mutex(SplitMix64(seed: seed)) }

        func next() -> UInt32 { generator.withLock { UInt32(truncatingIfNeeded: $0.next()) } }
    }

    init(
        _ door: FaultDoor, directory: String, model: FaultModel, wallMs: Int64, seed: UInt64,
        retentionBytes: UInt64 = 1 << 30
    ) {
        self.door = door
        self.directory = directory
        self.model = model
        self.retentionBytes = retentionBytes
        durable = model
        known = Set(model.appended)
        clock = ManualClock(wallMs: wallMs)
        lines = TimedLines(clock)
        generator = SplitMix64(seed: seed)
        salts = SaltSource(seed ^ 0x5A17)
        failures = FaultFailures(MetricRegistry())
    }

    func found(_ sentence: String) { findings.append(sentence) }

    /// Frames of a run before this one may be read as well: those that were not known to be durable.
    func knows(_ earlier: FaultModel) { known.formUnion(earlier.appended) }

    /// All warnings and errors so far, by the buffer that said them.
    var alarms: [[TimedLines.Line]] { earlierAlarms + [lines.alarms] }

    // MARK: starting and ending

    /// Starts the buffer and opens its destinations. What a failing disk refuses is tried again, as an
    /// orchestrator does, with a good disk in the end. False where even that fails.
    func start() -> Bool {
        for attempt in 1...4 {
            if attempt == 4 { door.heal() }
            do throws(BufferError) {
                try open()
                return true
            } catch {
                thrown += 1
                if !"\(error)".contains(directory) { found("a start that fails names no path: \(error)") }
                if attempt == 4 { found("a start fails on a good disk: \(error)") }
            }
            letGo()
            clock.advance(ms: 2_000)
        }
        return false
    }

    private func open() throws(BufferError) {
        if !lines.alarms.isEmpty { earlierAlarms.append(lines.alarms) }
        lines.forget()
        let registry = MetricRegistry()
        let salts = salts
        let buffer = try WriteAheadBuffer(
            BufferConfiguration(
                directory: directory, segmentSizeBytes: 1_500, segmentMaxAgeMs: 9_000,
                retentionBytes: retentionBytes, reserveBytes: 2_048),
            interner: interner, clock: clock, files: door, registry: registry, logger: lines.logger,
            salts: { salts.next() })
        self.buffer = buffer
        failures = FaultFailures(registry)
        failedBefore = model.failed.count
        for name in model.names {
            senders.append(FaultSender(name, try buffer.openDestination(name)))
        }
        try buffer.retire(destinationsExcept: model.names)
    }

    /// As an agent whose start fails elsewhere: the directory is let go as it was found.
    private func letGo() {
        senders = []
        // What cannot be let go now is let go with the object.
        try? buffer?.abandon()
        buffer = nil
        if door.openCount > 0 { found("\(door.openCount) descriptors stay open after a start that failed") }
    }

    /// Closes the buffer on a good disk.
    func close() {
        do throws(BufferError) {
            try buffer?.close()
        } catch {
            found("a buffer cannot be closed on a good disk: \(error)")
        }
        dropBuffer()
        if door.openCount > 0 { found("\(door.openCount) descriptors stay open after a close") }
    }

    /// Closes the buffer while the disk fails: whatever that says, nothing stays open.
    func closeWhileFailing() {
        do throws(BufferError) {
            try buffer?.close()
        } catch {
            thrown += 1
        }
        dropBuffer()
        if door.openCount > 0 { found("\(door.openCount) descriptors stay open after a close that failed") }
    }

    private func dropBuffer() {
        senders = []
        buffer = nil
    }

    // MARK: working

    /// Appends, sends, answers, makes durable and reloads in turns.
    func work(steps: Int) {
        for step in 0..<steps {
            clock.advance(ms: 1_000)
            append()
            if step % 2 == 0 { append() }
            for sender in senders where sender.name != "d1" || step % 3 == 0 { turn(sender, step) }
            if step % 3 == 2 { keep() }
            reload(step)
        }
    }

    func append() {
        let number = model.next
        let before = failures.samplesInMemory
        let isGood = call("append") { buffer throws(BufferError) in
            try buffer.append(FaultFrames.frame(number))
            return true
        }
        model.note(isAppended: isGood ?? false)
        if isGood ?? false { known.insert(number) }
        guard Self.framesGoToMemory else { return }
        if failures.samplesInMemory > before { inMemory.insert(number) }
        if !(isGood ?? false) { found("frame \(number) is lost though memory has room") }
    }

    /// One round of the keeper. Whether everything is durable.
    @discardableResult
    func keep() -> Bool {
        let before = model
        // What was written down in an earlier round is durable after this one.
        let isWritten = buffer?.core.catalog.inMemory.isEmpty ?? false
        let isDurable = call("keep") { buffer throws(BufferError) in buffer.keep(syncs: true) } ?? false
        if isDurable {
            durable = before
            if isWritten { inMemory = [] }
            durable.forget(inMemory)
        }
        return isDurable
    }

    private func turn(_ sender: FaultSender, _ step: Int) {
        if sender.window.count < 3 { send(sender, frames: 2) }
        for index in sender.window.indices.reversed() where sender.window[index].isAnswered {
            answer(sender, index)
        }
        guard sender.window.count > 1, (step + sender.name.utf8.count) % 2 == 0 else { return }
        answer(sender, Int(generator.next() % UInt64(sender.window.count)))
    }

    /// Reads some frames and sends them; false at the tail, and where the disk does not give them.
    @discardableResult
    func send(_ sender: FaultSender, frames most: Int) -> Bool {
        var frames: [StoredFrame] = []
        while frames.count < most,
            let read = call("next", { _ throws(BufferError) in try sender.reader.next() }), let stored = read
        {
            take(stored, sender)
            frames.append(stored)
        }
        guard !frames.isEmpty else { return false }
        let request = sender.request(frames)
        // What cannot be noted is sent all the same.
        _ = call("willSend") { _ throws(BufferError) in
            try sender.reader.willSend([request.number: SentRequest(spans: request.spans)])
        }
        sender.window.append(request)
        return true
    }

    /// A frame that was read is one that was appended, is owed, and is as it was.
    private func take(_ stored: StoredFrame, _ sender: FaultSender) {
        let number = FaultFrames.number(of: stored.frame)
        guard let own = model.destinations[sender.name], known.contains(number) else {
            return found("\(sender.name) is given a frame that was not appended: \(number)")
        }
        if FrameFacts(stored.frame) != FrameFacts(FaultFrames.frame(number)) {
            found("\(sender.name) is given frame \(number) with another content")
        }
        if number < own.first { found("\(sender.name) is given frame \(number) from before it came") }
        if own.booked.contains(number), !mayRepeat {
            found("\(sender.name) is given frame \(number) once more")
        }
        if number <= sender.lastRead { found("\(sender.name) is given \(number) behind \(sender.lastRead)") }
        sender.lastRead = number
    }

    /// The receiver has stored a request. Booked now, or later where the disk does not take that.
    func answer(_ sender: FaultSender, _ index: Int) {
        let request = sender.window[index]
        let isBooked = call("answered") { _ throws(BufferError) in
            try sender.reader.answered(
                sender.inherited + [request.number], ranges: request.spans, outcome: request.outcome)
            return true
        }
        model.destinations[sender.name]?.answered.formUnion(request.frames)
        guard isBooked ?? false else {
            sender.window[index].isAnswered = true
            return
        }
        sender.inherited = []
        model.destinations[sender.name]?.booked.formUnion(request.frames)
        sender.window.remove(at: index)
    }

    // MARK: reloading

    private func reload(_ step: Int) {
        switch step {
        case 10: begin("x")
        case 16: rename("x", to: "y")
        case 22: retire("y")
        default: return
        }
    }

    private func begin(_ name: String) {
        let first = model.next
        guard
            let destination = call("begin", { buffer throws(BufferError) in try buffer.begin(name) })
        else { return }
        model.destinations[name] = FaultModel.Destination(first: first)
        senders.append(FaultSender(name, destination))
    }

    private func rename(_ name: String, to newName: String) {
        guard let index = senders.firstIndex(where: { $0.name == name }) else { return }
        let old = senders[index].destination
        let renamed = call("rename") { buffer throws(BufferError) in
            try buffer.rename(name, to: newName)
        }
        guard let renamed else {
            // It goes on at what is not booked, with another sender.
            old.rewind()
            senders[index] = FaultSender(name, old)
            return
        }
        senders[index] = FaultSender(newName, renamed)
        model.destinations[newName] = model.destinations.removeValue(forKey: name)
        durable.destinations[newName] = durable.destinations.removeValue(forKey: name)
    }

    private func retire(_ name: String) {
        guard let index = senders.firstIndex(where: { $0.name == name }) else { return }
        let owed = FaultModel.samples(model.owed(name))
        let left = call("retire") { buffer throws(BufferError) in buffer.retire(name) }
        if let left, left != owed, retentionBytes >= 1 << 30 {
            found("a destination goes with \(left) samples where \(owed) are not answered for")
        }
        senders.remove(at: index)
        model.destinations[name] = nil
        durable.destinations[name] = nil
    }

    // MARK: noticing

    /// Does one call of the buffer. A fault in it must show: in an error, a metric or a line.
    private func call<Value>(
        _ name: String, _ body: (WriteAheadBuffer) throws(BufferError) -> Value
    ) -> Value? {
        guard let buffer else { return nil }
        let (hits, alarms, failed) = (door.hitCount, lines.alarmCount, failures.sum)
        do throws(BufferError) {
            let value = try body(buffer)
            judgeNotice(name, hits: hits, alarms: alarms, failures: failed, hasThrown: false)
            return value
        } catch {
            thrown += 1
            judgeNotice(name, hits: hits, alarms: alarms, failures: failed, hasThrown: true)
            return nil
        }
    }

    private func judgeNotice(_ name: String, hits: Int, alarms: Int, failures: UInt64, hasThrown: Bool) {
        var new = door.hits.dropFirst(hits).filter { FaultFailures.isToBeSaid($0) }
        // That a cursor is about to go on under another name need not be written down.
        if name == "rename", !Self.framesGoToMemory { new.removeAll { $0.call == .write } }
        guard let first = new.first, !hasThrown, lines.alarmCount == alarms, self.failures.sum == failures
        else { return }
        // What goes on going wrong is said once a minute.
        let sinceNs = clock.monotonicNs - min(clock.monotonicNs, 60_000_000_000)
        guard !lines.alarms.contains(where: { $0.atNs > sinceNs }) else { return }
        found("\(name) says nothing of a \(first.call.rawValue) that failed: \(Self.kind(of: first.path))")
    }

    /// A path without the numbers in it.
    private static func kind(of path: String) -> String {
        String(path.split(separator: "/").last?.drop { $0.isNumber } ?? "")
    }
}
