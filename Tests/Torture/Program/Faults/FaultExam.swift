import Logging
import Platform
import TestSupport

@testable import WriteAheadBuffer

/// Looks whether a buffer has kept its promises on a disk that failed.
struct FaultExam {
    /// Said of a cursor whose removal failed at the reload.
    private static let formerCursor = "a destination is no longer configured"
    /// So many opens fail where no reader gets a segment for the whole run.
    private static let manyOpens = 30
    private static let minuteNs: UInt64 = 60_000_000_000
    /// Sentences that are said of each segment, destination or place, and not of a fault that goes on.
    private static let saidOfEach = [
        "a segment was removed before every destination had answered for it",
        "the cursor of a former destination cannot be removed", "a cursor that is not used cannot be removed",
        "damage in the buffer was passed over", "a segment's removal cannot be completed",
        "frames of the buffer cannot be read, as what they build on is damaged",
    ]

    /// What the next start is to find.
    enum Expectation {
        /// All that is owed, in order: everything was made durable.
        case everything
        /// The same, but that the books may lack what could not be written, and that lines tell of it.
        case everyFrame
        /// What was durable when the power went.
        case whatWasDurable
    }

    private let run: FaultRun

    init(_ run: FaultRun) { self.run = run }

    /// The disk is good again: two minutes later everything is durable, frames are taken, sent, booked and
    /// let go, and the next start finds exactly what is owed.
    func heal(_ next: () -> FaultDoor) {
        run.door.heal()
        var isDurable = false
        for _ in 0..<2 {
            run.clock.advance(ms: 120_000)
            isDurable = run.keep()
        }
        if !isDurable { run.found("not everything is durable two minutes after the disk was healed") }
        let before = run.model.failed.count
        run.append()
        if run.model.failed.count > before { run.found("a frame is refused on a good disk") }
        drain(run)
        run.mayBookTwice =
            run.retentionBytes < 1 << 30 && run.door.hits.count { $0.call == .open } > Self.manyOpens
        checkBooks(run)
        for _ in 0..<2 {
            run.clock.advance(ms: 1_000)
            run.keep()
        }
        let left = run.buffer?.core.catalog.all ?? []
        if left.count != 1 { run.found("\(left.count) segments are left where one is written to") }
        for _ in 0..<3 { run.append() }
        if run.failures.failedAppends != UInt64(run.model.failed.count - run.failedBefore) {
            run.found("the metric of appends that failed says \(run.failures.failedAppends)")
        }
        checkLines(run)
        checkTrouble()
        // Until frames go to memory a reserve that could not be made at the start is not made later, either.
        if FaultRun.framesGoToMemory, !names(run).contains(BufferFileName.reserve) {
            run.found("no room is kept free for a full disk, though the disk is good")
        }
        run.close()
        restart(next(), .everything)
    }

    /// Starts again on what is left.
    func restart(_ door: FaultDoor, _ expectation: Expectation) {
        let again = FaultRun(
            door, directory: run.directory, model: expectation == .whatWasDurable ? run.durable : run.model,
            wallMs: run.clock.wallMs + 60_000, seed: 1)
        again.knows(run.model)
        again.mayBookTwice = run.mayBookTwice
        again.hasLostSegments = run.retentionBytes < 1 << 30
        again.mayRepeat = FaultRun.framesGoToMemory && expectation == .everyFrame
        defer { for finding in again.findings { run.found("after a restart: \(finding)") } }
        guard again.start() else { return }
        let found = drain(again)
        for name in again.model.names {
            let seen = found[name] ?? []
            if expectation == .whatWasDurable {
                checkDurable(again, name, seen)
            } else {
                checkExact(again, name, seen)
            }
        }
        if expectation == .everything {
            checkBooks(again)
            let alarms = again.lines.alarms.filter { !$0.sentence.hasPrefix(Self.formerCursor) }
            if let first = alarms.first {
                again.found("the start is not quiet: \(first.sentence) \(first.metadata)")
            }
        }
        again.keep()
        checkFiles(again)
        again.close()
    }

    /// Reads and answers until nothing is left; the frames that came, by destination.
    @discardableResult
    private func drain(_ run: FaultRun) -> [String: [Int]] {
        let thrown = run.thrown
        var found: [String: [Int]] = [:]
        for sender in run.senders {
            // Each round answers for something, or it is the last.
            for _ in 0..<10_000 {
                let more = run.send(sender, frames: 3)
                found[sender.name, default: []] += more ? sender.window.last?.frames ?? [] : []
                while !sender.window.isEmpty {
                    let before = sender.window.count
                    run.answer(sender, 0)
                    if sender.window.count == before { break }
                }
                if !more { break }
            }
            // With nothing in flight what is lost is booked at the tail.
            run.send(sender, frames: 1)
            if !sender.window.isEmpty { run.found("\(sender.name) cannot book its answers") }
        }
        if run.thrown > thrown { run.found("a call fails on a good disk") }
        return found
    }

    // MARK: what is to be there

    private func checkExact(_ run: FaultRun, _ name: String, _ seen: [Int]) {
        let owed = self.run.model.owed(name)
        if run.mayRepeat {
            let lost = Set(owed).subtracting(seen).subtracting(self.run.inMemory).sorted()
            if !lost.isEmpty { run.found("\(name) is not given \(lost), which were written") }
            return
        }
        guard seen != owed, self.run.retentionBytes >= 1 << 30 else {
            if !Set(seen).isSubset(of: owed) { run.found("\(name) is given what is not owed: \(seen)") }
            return
        }
        run.found("\(name) is given \(seen) where \(owed) are owed")
    }

    private func checkDurable(_ run: FaultRun, _ name: String, _ seen: [Int]) {
        // Those that were answered for since need not come again.
        let answered = self.run.model.destinations[name]?.answered ?? []
        let owed = Set(self.run.durable.owed(name)).subtracting(answered)
        let lost = owed.subtracting(seen).sorted()
        if !lost.isEmpty { run.found("\(name) is not given \(lost), which were durable") }
    }

    /// For each destination: what was delivered, refused and let go is what is known of it.
    private func checkBooks(_ run: FaultRun) {
        guard let ledger = run.buffer?.ledger() else { return }
        let appended = FaultModel.samples(run.model.appended)
        let refused = FaultModel.samples(run.model.failed)
        for job in Set(appended.keys).union(refused.keys) {
            let scraped = appended[job, default: 0] + refused[job, default: 0]
            if ledger.jobs[job] != scraped {
                run.found("the ledger says \(ledger.jobs[job] ?? 0) of \(job) where \(scraped) were scraped")
            }
        }
        for (name, own) in run.model.destinations {
            let booked = FaultModel.samples(own.booked)
            let open = FaultModel.samples(run.model.owed(name))
            let failed = FaultModel.samples(run.model.failed.filter { $0 >= own.first })
            for (job, books) in ledger.destinations[name] ?? [:] {
                var dropped = books.dropped
                let refused = dropped.removeValue(forKey: "append_failed") ?? 0
                let wanted = (booked[job, default: 0], failed[job, default: 0])
                if (books.delivered, refused) != wanted {
                    run.found("\(name) \(job): booked \((books.delivered, refused)), not \(wanted)")
                }
                let gone = dropped.values.reduce(books.buffered, +)
                // A segment that could not be opened from the start until retention took it is booked as
                // damaged as a whole, with what an earlier run has delivered of it.
                if run.mayBookTwice, gone > open[job, default: 0] { continue }
                if gone != open[job, default: 0] {
                    run.found("\(name) \(job): \(gone) buffered or gone, not \(open[job, default: 0])")
                }
                // What retention removes while it cannot be read is damaged.
                let mayBeGone = run.retentionBytes < 1 << 30 || run.hasLostSegments
                if !dropped.isEmpty, !mayBeGone { run.found("\(name) \(job) has lost \(dropped)") }
            }
        }
    }

    /// Nothing lies about that nobody knows.
    private func checkFiles(_ run: FaultRun) {
        let known = Set((run.buffer?.core.catalog.all ?? []).map { BufferFileName.segment($0.number) })
            .union(run.model.names.map { BufferFileName.cursor($0) })
            .union([BufferFileName.lock, BufferFileName.reserve, BufferFileName.index])
        let strange = names(run).subtracting(known).sorted()
        if !strange.isEmpty { run.found("files are left that nobody knows: \(strange)") }
    }

    /// The names in the directory: the door lets nothing fail by now.
    private func names(_ run: FaultRun) -> Set<String> { Set((try? run.door.list(run.directory)) ?? []) }

    // MARK: what is to be said

    /// Each sentence at most once a minute, whatever goes on.
    private func checkLines(_ run: FaultRun) {
        for lines in run.alarms {
            var last: [String: UInt64] = [:]
            for line in lines where !Self.saidOfEach.contains(line.sentence) {
                if let before = last[line.sentence], line.atNs - before < Self.minuteNs {
                    run.found("said twice within a minute: \(line.sentence)")
                }
                last[line.sentence] = line.atNs
            }
        }
    }

    /// A fault that lasts is said at least once.
    private func checkTrouble() {
        let hits = run.door.hits.filter { FaultFailures.isToBeSaid($0) }
        guard hits.count > 2, run.thrown == 0, run.alarms.allSatisfy(\.isEmpty), run.failures.sum == 0 else {
            return
        }
        run.found("\(hits.count) faults are said nowhere, the first \(hits[0].call.rawValue) \(hits[0].path)")
    }
}
