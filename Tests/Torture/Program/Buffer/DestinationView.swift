import MetricModel

@testable import WriteAheadBuffer

/// One destination after a crash: what it must get, what it may get and what its books may say.
struct DestinationView {
    private let crash: Examination.Crash
    private let destination: BufferDestination
    private let book: FrameBook
    /// What its cursor has for certain; empty where the cursor itself is not certain, as the operation that
    /// makes it was interrupted. Then all that is kept is sent again.
    private let low: Known.Destination
    private let high: Known.Destination
    private let isCertain: Bool
    private var frames: [StoredFrame] = []
    private var found = SampleSet()
    private var delivered: [String: UInt64] = [:]

    init(_ crash: Examination.Crash, _ destination: BufferDestination, _ book: FrameBook) {
        self.crash = crash
        self.destination = destination
        self.book = book
        let (lower, upper) = (
            crash.lower.destinations[destination.name], crash.upper.destinations[destination.name]
        )
        isCertain = lower != nil && upper != nil
        low = isCertain ? lower ?? Known.Destination() : Known.Destination()
        high = upper ?? crash.bounds.before.destinations[destination.name] ?? Known.Destination()
    }

    private var reader: DestinationReader { destination.reader }

    private func complain(_ text: String) -> Complaint { Complaint("\(destination.name): \(text)") }

    /// Samples that must be given.
    private var owed: SampleSet {
        crash.lower.written.subtracting(high.answered).subtracting(high.excluded)
            .subtracting(crash.upper.gone)
    }

    /// Reads to the tail. The view has what was found.
    func look(_ buffer: WriteAheadBuffer) throws -> DestinationView {
        var view = self
        let sent = reader.sent
        let before = buffer.ledger()
        var last = -1
        for _ in 0...book.count {
            guard let stored = try reader.next() else { break }
            guard let id = book.id(of: stored.frame) else { throw complain("a frame that nobody appended") }
            guard id > last else { throw complain("frame \(id) comes behind frame \(last)") }
            last = id
            if let difference = book.difference(stored.frame, from: id) {
                throw complain("frame \(id) has another value of \(difference)")
            }
            var open = SampleSet()
            for range in stored.open { open.insert(book.samples(of: id, range)) }
            for (number, request) in sent {
                try checkSamples(of: request, number, stored, id, open)
            }
            view.found.insert(open)
            view.frames.append(stored)
        }
        let missing = owed.subtracting(view.found)
        if !missing.isEmpty { throw complain("missing: \(book.place(of: missing))") }
        let allowed = crash.upper.appended.subtracting(low.answered).subtracting(low.excluded)
        let surplus = view.found.subtracting(allowed)
        if !surplus.isEmpty { throw complain("sent again: \(book.place(of: surplus))") }
        try checkNoted(sent)
        view.delivered = try checkBooks(before, view.found)
        return view
    }

    // MARK: requests in flight

    /// A request that is made again holds the very samples of a frame that it held before.
    private func checkSamples(
        of request: SentRequest, _ number: UInt64, _ stored: StoredFrame, _ id: Int, _ open: SampleSet
    ) throws {
        guard let noted = high.everNoted[number] ?? low.everNoted[number] else {
            throw complain("request \(number) was never noted")
        }
        var held = SampleSet()
        for range in reader.samples(of: request, in: stored) { held.insert(book.samples(of: id, range)) }
        let expected = noted.samples.intersection(open)
        guard held.isSame(as: expected) else {
            throw complain(
                "request \(number) has \(held.count) samples of frame \(id) and had \(expected.count)")
        }
    }

    private func checkNoted(_ sent: [UInt64: SentRequest]) throws {
        for (number, request) in sent {
            guard let noted = high.everNoted[number] ?? low.everNoted[number], noted.request == request else {
                throw complain("request \(number) was not noted so")
            }
            guard crash.variant.isPower || low.noted[number] != nil || high.noted[number] != nil else {
                throw complain("request \(number) is in flight and has its answer")
            }
        }
        for (number, noted) in low.noted where high.noted[number] != nil && sent[number] == nil {
            guard noted.samples.intersection(owed).isEmpty else {
                throw complain("request \(number) is forgotten")
            }
        }
    }

    // MARK: books

    /// The books before anything is answered. Returns what was delivered, by job.
    private func checkBooks(_ ledger: BufferLedger, _ found: SampleSet) throws -> [String: UInt64] {
        var delivered: [String: UInt64] = [:]
        let counts = book.counts(found)
        let (fewest, most) = (book.counts(low.answered), book.counts(high.answered))
        let (least, all) = (book.counts(crash.lower.written), book.counts(crash.upper.appended))
        for job in book.jobs {
            let own = ledger.destinations[destination.name]?[job] ?? DestinationLedger()
            let total = ledger.jobs[job] ?? 0
            try checkEquation(own, total, job)
            let (few, many) = (fewest[job] ?? 0, most[job] ?? 0)
            guard own.delivered >= few, own.delivered <= many else {
                throw complain("\(own.delivered) samples of \(job) are delivered, not \(few) to \(many)")
            }
            let (lowest, highest) = (least[job] ?? 0, (all[job] ?? 0) + (crash.upper.failed[job] ?? 0))
            guard total >= lowest, total <= highest else {
                throw complain("\(total) samples of \(job) came in, not \(lowest) to \(highest)")
            }
            if !crash.variant.isPower {
                guard own.buffered == counts[job] ?? 0 else {
                    throw complain("\(own.buffered) samples of \(job) wait and \(counts[job] ?? 0) are there")
                }
            }
            delivered[job] = own.delivered
        }
        if !crash.variant.isPower, isCertain { try checkWhatIsEarlier(ledger) }
        return delivered
    }

    private func checkEquation(_ own: DestinationLedger, _ total: UInt64, _ job: String) throws {
        let booked = own.dropped.values.reduce(own.delivered, +) + own.buffered
        guard own.scraped == booked else {
            throw complain("\(own.scraped) samples of \(job) came and \(booked) are accounted for")
        }
        let surplus = Int64(own.scraped) + own.earlier - Int64(total)
        // Known: retention books what it has removed before the removal is durable. Where a file system makes
        // a file durable that was synced, and an earlier removal not with it, a power loss in between brings
        // the segments back, and their samples are sent though they are booked. And as the format says, the
        // books are off by what was delivered of a frame before a power loss has damaged it.
        let twice = crash.upper.gone.union(high.answered.subtracting(crash.lower.written))
        let known = crash.variant.isPower ? Int64(book.counts(twice)[job] ?? 0) : 0
        guard surplus >= 0, surplus <= known else {
            throw complain("\(own.scraped) samples of \(job) and \(own.earlier) earlier are not \(total)")
        }
    }

    private func checkWhatIsEarlier(_ ledger: BufferLedger) throws {
        let excluded = book.counts(low.excluded)
        // What was delivered or dropped from memory is in the cursor's books, and in no others.
        let settled = high.answered.union(crash.upper.gone)
        let surplus = book.counts(settled.intersection(crash.lower.unwritten.union(crash.upper.unwritten)))
        for job in book.jobs {
            let earlier = ledger.destinations[destination.name]?[job]?.earlier ?? 0
            let most = Int64(excluded[job] ?? 0)
            guard earlier <= most, earlier >= most - Int64(surplus[job] ?? 0) else {
                throw complain("\(earlier) samples of \(job) are earlier, not \(most)")
            }
        }
    }

    // MARK: afterwards

    /// Reads what was appended after the crash, which comes whole and behind all else, and answers for
    /// everything in one request.
    mutating func drain(_ extras: [Int]) throws {
        let sent = reader.sent
        for id in extras {
            guard let stored = try reader.next(), book.id(of: stored.frame) == id,
                stored.open == [0..<stored.frame.sampleCount],
                book.difference(stored.frame, from: id) == nil
            else { throw complain("frame \(id), appended after the start, does not come") }
            guard sent.values.allSatisfy({ reader.samples(of: $0, in: stored).isEmpty }) else {
                throw complain("a request from before the crash holds samples of frame \(id), which is new")
            }
            frames.append(stored)
        }
        guard try reader.next() == nil else { throw complain("more comes than there is") }
        var outcome = Outcomes()
        var covers: [Range<BufferPosition>] = []
        for stored in frames {
            outcome.deliver(stored.open.reduce(0) { $0 + $1.count }, of: stored.frame.target.job)
            covers += stored.open.map { stored.cover($0) }
        }
        let number: UInt64 = 1 << 40
        try reader.willSend([number: SentRequest(spans: covers)], replacing: reader.sent.keys.sorted())
        try reader.answered([number], ranges: covers, outcome: outcome)
        // What was lost is booked at the tail.
        guard try reader.next() == nil else { throw complain("something comes behind the last answer") }
    }

    /// The books once everything is answered for.
    func check(_ ledger: BufferLedger, _ extras: [Int]) throws {
        var given = found
        for id in extras { given.insert(book.samples(of: id)) }
        let counts = book.counts(given)
        var damaged: UInt64 = 0
        for job in book.jobs {
            let own = ledger.destinations[destination.name]?[job] ?? DestinationLedger()
            try checkEquation(own, ledger.jobs[job] ?? 0, job)
            guard own.buffered == 0 else {
                throw complain("\(own.buffered) samples of \(job) wait where nothing is left")
            }
            let expected = (delivered[job] ?? 0) + (counts[job] ?? 0)
            guard own.delivered == expected else {
                throw complain("\(own.delivered) samples of \(job) are delivered, not \(expected)")
            }
            damaged += own.dropped[BufferDropReason.damaged] ?? 0
        }
        guard !crash.variant.isPower else { return }
        // Where only the process died nothing is damaged. But what retention takes while it is in a sender's
        // hand, or while the process is killed, is booked so.
        let interrupted = crash.upper.gone.subtracting(crash.lower.gone)
        let excused = interrupted.union(high.inHandGone).subtracting(low.answered)
        guard damaged <= UInt64(excused.count) else {
            throw complain("\(damaged) samples are damaged though only the process died")
        }
    }
}
