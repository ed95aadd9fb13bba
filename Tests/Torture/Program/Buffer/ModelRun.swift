import MetricModel
import Platform
import TestSupport

@testable import WriteAheadBuffer

/// One call of the buffer, or a few that belong together, with what decides about its arguments: leaving one
/// out changes no other.
struct ModelStep: Sendable, CustomStringConvertible {
    enum Kind: String, CaseIterable, Sendable {
        case append, read, send, answer, split, keep, keepWithoutSync, sync, answerInSync, appendInSync
        case begin, rename, retire, rewind, kill, close, power, wait, fillMemory
    }

    let kind: Kind
    let seed: UInt64

    var description: String { "\(kind.rawValue) \(seed)" }

    /// So many times in a thousand each.
    private static let weights: [(Kind, Int)] = [
        (.append, 290), (.read, 220), (.send, 160), (.answer, 140), (.split, 30), (.keep, 50),
        (.keepWithoutSync, 20), (.sync, 10), (.answerInSync, 10), (.appendInSync, 10), (.begin, 8),
        (.rename, 8), (.retire, 6), (.rewind, 10), (.kill, 8), (.close, 8), (.power, 8), (.wait, 4),
        (.fillMemory, 4),
    ]

    static func list(_ count: Int, seed: UInt64) -> [ModelStep] {
        var dice = Dice(seed: seed, 21)
        let total = weights.reduce(0) { $0 + $1.1 }
        return (0..<count).map { _ in
            var place = dice.below(total)
            let kind = weights.first { entry in
                place -= entry.1
                return place < 0
            }
            return ModelStep(kind: kind?.0 ?? .append, seed: dice.next())
        }
    }
}

/// A buffer beside a model of it: lists of samples, and for each destination which of them are answered for,
/// in flight, or gone. After each step both say the same.
final class ModelRun {
    private static let allNames = ["a", "b", "c", "d", "e"]
    private static let mostDestinations = 3
    /// Some dozens of frames.
    private static let framesBytes = 24_000

    private let workload: Workload
    private var disk: JournalFiles
    /// The disk at the last power loss.
    private var begun = DiskImage()
    private let retentionBytes: UInt64
    private var waitedMs: Int64 = 0

    init(seed: UInt64) {
        let disk = JournalFiles(keepsJournal: true)
        self.disk = disk
        workload = Workload(
            seed: seed, directory: "/buffer", door: Self.door(disk), framesBytes: Self.framesBytes)
        var dice = Dice(seed: seed, 22)
        retentionBytes = [1 << 30, 9_000, 20_000][dice.below(3)]
    }

    private static func door(_ disk: JournalFiles) -> CueDoor {
        CueDoor(
            disk,
            failSync: { file in
                // It fails on purpose; the door throws.
                try? disk.failSync(file)
            })
    }

    /// Runs the steps. Throws what is wrong, with the number of the step. `prints`: each step with what the
    /// buffer has behind it.
    func run(_ steps: [ModelStep], prints: Bool = false) throws {
        try workload.start(["a", "b"], retentionBytes: retentionBytes)
        for (number, step) in steps.enumerated() {
            do {
                workload.dice = Dice(seed: step.seed)
                defer { if prints { print("\(number) \(step.kind): \(sight)") } }
                try take(step.kind)
                try checkBooks()
            } catch {
                throw Complaint("step \(number), \(step): \(error)")
            }
        }
        do {
            try end()
        } catch {
            throw Complaint("at the end: \(error)")
        }
    }

    /// Segments, and the cursor and books of each destination.
    private var sight: String {
        guard let buffer = workload.buffer else { return "no buffer" }
        return Sight.text(buffer, workload.senders.values.map(\.destination))
    }

    /// Everything is delivered, the books are those of the model, and one segment is left.
    private func end() throws {
        try workload.deliverEverything()
        // At the tail a cursor leaves segments that hold nothing.
        for name in workload.names { try workload.readAll(name) }
        try workload.keep(syncs: true)
        try checkBooks()
        let ledger = try workload.running().ledger()
        for (name, jobs) in ledger.destinations {
            for (job, own) in jobs where own.buffered != 0 {
                throw Complaint("\(own.buffered) samples of \(job) wait for \(name), where all is answered")
            }
        }
        let count = try workload.running().core.catalog.all.count
        guard count == 1 else { throw Complaint("\(count) segments stay where all is answered for") }
        try workload.close()
    }

    private func take(_ kind: ModelStep.Kind) throws {
        let names = workload.names
        let name = names[workload.dice.below(names.count)]
        let unused = Self.allNames.filter { !names.contains($0) }
        switch kind {
        case .append: try workload.append(isBig: workload.dice.chance(1))
        case .read: try workload.read(name)
        case .send: try workload.send(name)
        case .answer: try workload.answer(name)
        case .split: try workload.split(name)
        case .keep:
            try workload.keep(syncs: true)
            try checkBounds()
        case .keepWithoutSync: try workload.keep(syncs: false)
        case .sync: try workload.sync()
        case .answerInSync: try workload.syncWithAnswerBetween(name)
        case .appendInSync: try workload.syncWithAppendBetween()
        case .begin: if names.count < Self.mostDestinations { try workload.begin(unused[0]) }
        case .rename: try workload.rename(name, to: unused[workload.dice.below(unused.count)])
        case .retire: if names.count > 1 { try workload.retire(name) }
        case .rewind: try workload.rewind(name)
        case .kill:
            workload.kill()
            try workload.start(names, retentionBytes: retentionBytes)
        case .close:
            try workload.close()
            try workload.start(names, retentionBytes: retentionBytes)
        case .power: try losePower(names)
        case .fillMemory: try workload.fillMemory()
        case .wait:
            // A segment ends for its age, and sometimes what is buffered is too old.
            let waitMs: Int64 = workload.dice.chance(30) ? 5 * 3_600_000 : 61 * 60_000
            workload.clock.advance(ms: waitMs)
            waitedMs += waitMs
            if waitedMs > 3 * 3_600_000 { workload.isAged = true }
        }
    }

    /// Once everything is durable a power loss takes nothing.
    private func losePower(_ names: [String]) throws {
        try workload.sync()
        var states = CrashStates(begun)
        for call in disk.journal { states.step(call) }
        workload.kill()
        begun = states.durable
        disk = JournalFiles(begun, keepsJournal: true)
        workload.door = Self.door(disk)
        try workload.start(names, retentionBytes: retentionBytes)
    }

    private func checkBounds() throws {
        let buffer = try workload.running()
        let count = buffer.core.catalog.all.count
        guard buffer.sizeBytes <= retentionBytes || count == 1 else {
            throw Complaint("\(buffer.sizeBytes) bytes are kept in \(count) segments, of \(retentionBytes)")
        }
    }

    // MARK: the books of the model

    /// What a destination's books may say, by job.
    private struct Figures {
        let answered: [String: UInt64]
        let excluded: [String: UInt64]
        /// Taken by retention. What was in a sender's hand may still get its answer, and is booked when that
        /// comes, or when the sender ends.
        let mostLost: [String: UInt64]
        let leastLost: [String: UInt64]
        let mostDamaged: [String: UInt64]

        func fit(_ books: DestinationLedger, _ appended: UInt64, _ job: String) -> Bool {
            let earlier = excluded[job] ?? 0
            let dropped = books.dropped.values.reduce(0, +)
            let damaged = books.dropped[BufferDropReason.damaged] ?? 0
            guard books.delivered == answered[job] ?? 0, books.earlier == Int64(earlier) else { return false }
            guard dropped >= leastLost[job] ?? 0, dropped <= mostLost[job] ?? 0 else { return false }
            guard damaged <= mostDamaged[job] ?? 0, books.scraped + earlier == appended else { return false }
            return books.scraped == books.delivered + dropped + books.buffered
        }
    }

    private func checkBooks() throws {
        let ledger = try workload.running().ledger()
        let book = workload.book
        let known = workload.facts.now
        let appended = book.counts(known.appended)
        guard ledger.jobs.filter({ $0.value > 0 }) == appended else {
            throw Complaint("samples of \(ledger.jobs) came in, not of \(appended)")
        }
        guard ledger.destinations.keys.sorted() == workload.names else {
            throw Complaint("the destinations are \(ledger.destinations.keys.sorted())")
        }
        for (name, jobs) in ledger.destinations {
            let own = known.destinations[name] ?? Known.Destination()
            let lost = known.gone.subtracting(own.answered).subtracting(own.excluded)
            let figures = Figures(
                answered: book.counts(own.answered), excluded: book.counts(own.excluded),
                mostLost: book.counts(lost), leastLost: book.counts(lost.subtracting(own.inHandGone)),
                mostDamaged: book.counts(own.inHandGone.subtracting(own.answered)))
            for job in book.jobs {
                let books = jobs[job] ?? DestinationLedger()
                guard figures.fit(books, appended[job] ?? 0, job) else {
                    throw Complaint(
                        "the books of \(name) and \(job) are \(books); the model has "
                            + "\(appended[job] ?? 0) appended, \(figures)")
                }
            }
        }
        try checkOldest(ledger)
    }

    /// The oldest frame that is in some sender's hand without an answer for all of it.
    private func checkOldest(_ ledger: BufferLedger) throws {
        var oldest: Int64?
        for (name, sender) in workload.senders {
            let answered = workload.facts.now.destinations[name]?.answered ?? SampleSet()
            for (id, stored) in sender.stored {
                let handed = workload.book.samples(of: id)
                guard handed.contains(where: { !answered.contains($0) }) else { continue }
                oldest = min(oldest ?? Int64.max, stored.frame.timestampMs)
            }
        }
        guard ledger.oldestUnackedTimestampMs == oldest else {
            throw Complaint(
                "the oldest frame in flight is of \(ledger.oldestUnackedTimestampMs ?? 0), not "
                    + "\(oldest ?? 0)")
        }
    }
}
