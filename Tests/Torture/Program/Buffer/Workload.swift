import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport

@testable import WriteAheadBuffer

/// What contradicts a promise, in a sentence.
struct Complaint: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Checksum seeds that are the same for the same seed.
final class Salts: Sendable {
    private let dice: Mutex<Dice>

    init(seed: UInt64) { dice = Mutex(Dice(seed: seed, 3)) }

    func next() -> UInt32 { dice.withLock { UInt32(truncatingIfNeeded: $0.next()) } }
}

/// A buffer that is worked with, by one thread and in the same way for the same seed, and what its calls have
/// promised by each call of the disk. Its scripts stand in files of their own.
final class Workload {
    static let silent = Logger(label: "torture") { _ in SwiftLogNoOpLogHandler() }

    let seed: UInt64
    let directory: String
    /// Another one after a power loss.
    var door: CueDoor
    let clock = ManualClock()
    let interner = LayoutInterner()
    let maker: FrameMaker
    let salts: Salts
    var dice: Dice
    var book = FrameBook()
    var facts = Facts()
    private var moments: [Recording.Moment] = []
    var buffer: WriteAheadBuffer?
    var senders: [String: Sender] = [:]
    private(set) var retentionBytes: UInt64 = 1 << 30
    /// How much memory takes of frames that the disk refuses. Without any they are lost.
    let framesBytes: Int
    /// What is buffered is above its age.
    var isAged = false

    init(seed: UInt64, directory: String, door: CueDoor, framesBytes: Int = 0) {
        self.framesBytes = framesBytes
        self.seed = seed
        self.directory = directory
        self.door = door
        dice = Dice(seed: seed, 1)
        maker = FrameMaker(seed: seed, interner: interner)
        salts = Salts(seed: seed)
    }

    /// The destinations of the configuration.
    var names: [String] { senders.keys.sorted() }

    func running() throws -> WriteAheadBuffer {
        guard let buffer else { throw Complaint("the script works with a buffer that is not there") }
        return buffer
    }

    /// One operation: before it nothing of what it promises is known, and after it all of that.
    func operate<Value>(_ what: String, _ body: () throws -> Value) rethrows -> Value {
        door.mark()
        moments.append(Recording.Moment(what: what, before: facts))
        return try body()
    }

    /// An operation that another thread has done within one: the door has marked its beginning and its end.
    func noteWhatCameBetween(_ what: String, _ change: () -> Void) {
        moments.append(Recording.Moment(what: what, before: facts))
        change()
        moments.append(Recording.Moment(what: "after \(what)", before: facts))
    }

    /// Runs a script. `journal` is what the disk has by its end.
    func record(
        _ script: Script, journal: () -> [DoorCall]
    ) -> Recording {
        var complaints: [String] = []
        do {
            try run(script)
        } catch {
            complaints.append("without a crash, in \"\(moments.last?.what ?? "nothing")\": \(error)")
        }
        operate("the end") {}
        senders = [:]
        buffer = nil
        var extras: [Int] = []
        for _ in 0..<3 {
            clock.advance(ms: 1_000)
            extras.append(book.add(maker.frame(at: clock.wallMs)))
        }
        let calls = journal()
        let marks = door.marks
        if marks.count != moments.count { complaints.append("the marks of the door are not the moments") }
        return Recording(
            seed: seed, script: script.rawValue, calls: calls, marks: marks, moments: moments, book: book,
            extras: extras, endMs: clock.wallMs, complaints: complaints)
    }

    // MARK: a run of the agent

    static func configuration(_ directory: String, retentionBytes: UInt64) -> BufferConfiguration {
        BufferConfiguration(
            directory: directory, segmentSizeBytes: 1_200, retentionBytes: retentionBytes,
            reserveBytes: 1_024, recentFrameBytes: 4_096)
    }

    func start(_ names: [String], retentionBytes: UInt64 = 1 << 30) throws {
        self.retentionBytes = retentionBytes
        let buffer = try operate("start") {
            try WriteAheadBuffer(
                Self.configuration(directory, retentionBytes: retentionBytes), interner: interner,
                clock: clock, files: door, registry: MetricRegistry(), logger: Self.silent,
                memory: MemoryAccount(framesBytes: framesBytes), salts: { [salts] in salts.next() })
        }
        self.buffer = buffer
        for name in names {
            let destination = try operate("opening \(name)") {
                let destination = try buffer.openDestination(name)
                if facts.now.destinations[name] == nil {
                    facts.now.destinations[name] = Known.Destination()
                }
                return destination
            }
            senders[name] = Sender(destination)
        }
        try operate("removing former cursors") { try buffer.retire(destinationsExcept: names) }
        for name in names { try recover(name) }
    }

    /// The process is killed: what it has not written is gone.
    func kill() {
        operate("kill") {
            senders = [:]
            buffer = nil
        }
    }

    func close() throws {
        let buffer = try running()
        let before = segments(buffer)
        try operate("close") {
            try buffer.close()
            try noteRemoved(before, buffer, mayRetire: false)
            noteWrittenDown(buffer)
            facts.durable = facts.now
        }
        senders = [:]
        self.buffer = nil
    }

    // MARK: frames

    func append(isBig: Bool = false) throws {
        clock.advance(ms: 1 + Int64(dice.below(2_000)))
        try append(maker.frame(at: clock.wallMs, isBig: isBig))
    }

    func append(_ frame: Frame) throws {
        let buffer = try running()
        let id = book.add(frame)
        try operate("append") {
            try buffer.append(frame)
            took(id, buffer)
        }
    }

    func took(_ id: Int, _ buffer: WriteAheadBuffer) {
        facts.now.appended.insert(book.samples(of: id))
        let last = buffer.core.catalog.all.last
        if last?.memory != nil { facts.now.unwritten.insert(book.samples(of: id)) }
        book.place(id, segment: last?.number ?? 0)
    }

    /// An append that the disk refuses.
    func appendInVain(_ frame: Frame) throws {
        let buffer = try running()
        try operate("append in vain") {
            do {
                try buffer.append(frame)
                throw Complaint("a write that failed was no failure")
            } catch is BufferError {
                facts.now.failed[frame.target.job, default: 0] += UInt64(frame.sampleCount)
            }
        }
    }

    // MARK: the keeper

    func keep(syncs: Bool) throws {
        let buffer = try running()
        let known = facts.now
        let before = segments(buffer)
        let mayRetire = isAged || buffer.sizeBytes > retentionBytes
        try operate("keep") {
            let isDurable = buffer.keep(syncs: syncs)
            try noteRemoved(before, buffer, mayRetire: mayRetire)
            noteWrittenDown(buffer)
            if syncs, isDurable { facts.durable = known }
        }
    }

    /// Segments in memory that have a file now, or that later ones have in their books.
    func noteWrittenDown(_ buffer: WriteAheadBuffer) {
        guard !facts.now.unwritten.isEmpty else { return }
        facts.now.unwritten = SampleSet()
        for segment in buffer.core.catalog.inMemory {
            facts.now.unwritten.insert(book.samples(inSegment: segment.number))
        }
    }

    func sync() throws {
        let buffer = try running()
        let known = facts.now
        operate("sync") { if buffer.sync() { facts.durable = known } }
    }

    func segments(_ buffer: WriteAheadBuffer) -> Set<UInt64> { Set(buffer.core.catalog.all.map(\.number)) }

    /// Segments that went: all of a segment's samples are answered for, or retention had a reason.
    func noteRemoved(_ before: Set<UInt64>, _ buffer: WriteAheadBuffer, mayRetire: Bool) throws {
        for number in before.subtracting(segments(buffer)).sorted() {
            try noteGone(book.samples(inSegment: number), mayBeOpen: mayRetire)
        }
    }

    /// These samples are not there any more.
    func noteGone(_ samples: SampleSet, mayBeOpen: Bool) throws {
        let held = samples.subtracting(facts.now.gone)
        var isOpen = false
        for name in names {
            guard let own = facts.now.destinations[name] else { continue }
            let open = held.subtracting(own.answered).subtracting(own.excluded)
            if open.isEmpty { continue }
            guard mayBeOpen else {
                throw Complaint("samples went that \(name) needs: \(book.place(of: open))")
            }
            isOpen = true
            let inHand = open.intersection(senders[name]?.handed ?? SampleSet())
            facts.now.destinations[name]?.inHandGone.insert(inHand)
        }
        if isOpen { facts.now.gone.insert(held) }
    }
}
