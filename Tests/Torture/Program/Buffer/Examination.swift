import Logging
import MetricModel
import Platform
import Telemetry
import TestSupport

@testable import WriteAheadBuffer

/// A start on what a crash has left, and one after it: what must be there is there and nothing else, in its
/// order and bit for bit; requests that were in flight are found again; the books close.
struct Examination {
    /// What the calls that came before a crash have promised.
    struct Bounds: Sendable {
        /// What must be there.
        let lower: Known
        /// What was known before the operation that was interrupted.
        let before: Known
        /// What may be there.
        let upper: Known
    }

    /// What is known of a crash.
    struct Crash {
        let image: DiskImage
        let bounds: Bounds
        let variant: CrashVariant
        /// Whether the configuration is the one that the interrupted operation leads to, or that before it.
        let hasNewNames: Bool

        var lower: Known { bounds.lower }
        var upper: Known { bounds.upper }
        /// The destinations of the configuration.
        var names: [String] { (hasNewNames ? bounds.upper : bounds.before).destinations.keys.sorted() }
    }

    /// More calls of the disk than any start makes here.
    private static let mostCalls = 3_000
    private static let directory = "/buffer"

    private let recording: Recording
    private let interner = LayoutInterner()
    /// What is found is printed.
    private let prints: Bool

    init(_ recording: Recording, prints: Bool = false) {
        self.recording = recording
        self.prints = prints
        // What is read back is then the same object where it is equal.
        for id in 0..<recording.book.count {
            for chunk in recording.book[id].layout.chunks { _ = interner.intern(chunk) }
        }
    }

    /// What is wrong; nil where nothing is.
    func complaint(of crash: Crash) -> String? {
        do {
            let files = JournalFiles(crash.image, keepsJournal: false)
            let closed = try firstStart(crash, files)
            try secondStart(crash.names, files, closed)
            // Readers and logs close their files when they go.
            return files.openCount == 0 ? nil : "\(files.openCount) files stay open"
        } catch {
            return "\(error)"
        }
    }

    private func open(_ files: JournalFiles, _ logger: Logger) throws -> WriteAheadBuffer {
        let salts = Salts(seed: recording.seed &+ 1)
        return try WriteAheadBuffer(
            Workload.configuration(Self.directory, retentionBytes: 1 << 30), interner: interner,
            clock: ManualClock(wallMs: recording.endMs), files: files, registry: MetricRegistry(),
            logger: logger, salts: { salts.next() })
    }

    // MARK: the first start

    private func firstStart(_ crash: Crash, _ files: JournalFiles) throws -> BufferLedger {
        let said = LogLines()
        let buffer = try open(files, said.logger)
        let destinations = try crash.names.map { try buffer.openDestination($0) }
        try buffer.retire(destinationsExcept: crash.names)
        guard files.callCount < Self.mostCalls else {
            throw Complaint("the start made \(files.callCount) calls")
        }
        if prints {
            print("files: \(Sight.text(crash.image))")
            for line in said.lines { print("said: \(line)") }
            print("the start has: \(Sight.text(buffer, destinations))")
        }
        var views: [DestinationView] = []
        for destination in destinations {
            let view = DestinationView(crash, destination, recording.book)
            try views.append(view.look(buffer))
        }
        if crash.variant == .died, let line = said.lines.first(where: { $0.hasPrefix("error") }) {
            throw Complaint("a start after the process died says: \(line)")
        }
        for id in recording.extras { try buffer.append(recording.book[id]) }
        for index in views.indices { try views[index].drain(recording.extras) }
        let ledger = buffer.ledger()
        for view in views { try view.check(ledger, recording.extras) }
        guard buffer.keep() else { throw Complaint("a good disk does not make the buffer durable") }
        let count = buffer.core.catalog.all.count
        guard views.isEmpty || count == 1 else {
            throw Complaint("\(count) segments stay where everything is answered for")
        }
        try buffer.close()
        return ledger
    }

    // MARK: the second start

    /// It finds nothing to send, has the same books, says nothing, and leaves nothing behind.
    private func secondStart(_ names: [String], _ files: JournalFiles, _ closed: BufferLedger) throws {
        let said = LogLines()
        let buffer = try open(files, said.logger)
        for name in names {
            let destination = try buffer.openDestination(name)
            if let stored = try destination.reader.next() {
                throw Complaint("\(name) is given \(stored.start) again by a second start")
            }
            guard destination.reader.sent.isEmpty else {
                throw Complaint("\(name) has requests in flight at a second start")
            }
        }
        try buffer.retire(destinationsExcept: names)
        let ledger = buffer.ledger()
        guard ledger.jobs == closed.jobs, ledger.destinations == closed.destinations else {
            throw Complaint("the books of a second start are others: \(ledger), not \(closed)")
        }
        if let line = said.lines.first(where: { $0.hasPrefix("warning") || $0.hasPrefix("error") }) {
            throw Complaint("a second start says: \(line)")
        }
        try buffer.close()
        var expected = Set(names.map { BufferFileName.cursor($0) })
        expected.formUnion([BufferFileName.lock, BufferFileName.reserve, BufferFileName.index])
        expected.formUnion(buffer.core.catalog.all.map { BufferFileName.segment($0.number) })
        let surplus = files.image.names.keys.map { String($0.dropFirst(Self.directory.count + 1)) }
            .filter { !expected.contains($0) }
        guard surplus.isEmpty else { throw Complaint("left behind: \(surplus.sorted())") }
    }
}
