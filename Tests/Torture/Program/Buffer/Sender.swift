import MetricModel
import Synchronization
import TestSupport

@testable import WriteAheadBuffer

/// What a sender has of one destination: frames in its hand, and requests in flight.
struct Sender {
    struct Flight {
        let parts: [Part]
        /// What its answer is for: of a request that is made again, from where what was read before it ended.
        let ranges: [Range<BufferPosition>]
    }

    let destination: BufferDestination
    /// Frames that were handed out in this run, by id.
    var stored: [Int: StoredFrame] = [:]
    /// Their samples.
    var handed = SampleSet()
    /// The id of the last one.
    var last = -1
    /// Read and not sent, in the order of the log.
    var waiting: [Part] = []
    var flying: [UInt64: Flight] = [:]
    var nextNumber: UInt64 = 0

    init(_ destination: BufferDestination) { self.destination = destination }

    var reader: DestinationReader { destination.reader }

    /// What of the log parts cover that were read in this run; those of one frame ascend.
    func spans(_ parts: [Part]) -> [Range<BufferPosition>] {
        parts.compactMap { part in stored[part.frame]?.cover(part.samples) }
    }
}

/// What a sender does: reads frames, cuts them in requests, and takes answers in any order.
extension Workload {
    static let mostInFlight = 3

    private func sender(_ name: String) throws -> Sender {
        guard let sender = senders[name] else { throw Complaint("the script has no destination \(name)") }
        return sender
    }

    private func samples(_ parts: [Part]) -> SampleSet {
        var samples = SampleSet()
        for part in parts { samples.insert(book.samples(of: part.frame, part.samples)) }
        return samples
    }

    private func outcome(_ parts: [Part]) -> Outcomes {
        var outcome = Outcomes()
        for part in parts { outcome.deliver(part.samples.count, of: book.job(of: part.frame)) }
        return outcome
    }

    /// Reads one frame and says its id; nil at the tail. It is the next one that is owed, as it was appended,
    /// and what is open of it is what was not answered for.
    @discardableResult
    func read(_ name: String) throws -> Int? {
        let sender = try sender(name)
        let expected = nextOwed(name, sender)
        guard let stored = try operate("read", { try sender.reader.next() }) else {
            guard expected == nil else { throw Complaint("\(name) is not given frame \(expected ?? 0)") }
            return nil
        }
        return try take(stored, name)
    }

    /// A frame that was read.
    func take(_ stored: StoredFrame, _ name: String) throws -> Int {
        var sender = try sender(name)
        let expected = nextOwed(name, sender)
        guard let id = book.id(of: stored.frame) else {
            throw Complaint("\(name) reads what nobody appended")
        }
        if let difference = book.difference(stored.frame, from: id) {
            throw Complaint("\(name) reads frame \(id) with another value of \(difference)")
        }
        guard id == expected else {
            throw Complaint("\(name) is given frame \(id), not \(expected.map { "\($0)" } ?? "none")")
        }
        sender.stored[id] = stored
        sender.last = id
        sender.handed.insert(book.samples(of: id))
        let own = facts.now.destinations[name] ?? Known.Destination()
        let owed = SampleSet(book.samples(of: id)).subtracting(own.answered).subtracting(own.excluded)
        var open = SampleSet()
        for range in stored.open { open.insert(book.samples(of: id, range)) }
        guard open.isSame(as: owed) else {
            throw Complaint("\(name) is given other samples of frame \(id) than those it is owed")
        }
        for range in stored.open {
            // Cut anywhere.
            var from = range.lowerBound
            while from < range.upperBound {
                let most = range.count > 100 ? 400 : 14
                let to = min(range.upperBound, from + 1 + dice.below(most))
                sender.waiting.append(Part(frame: id, samples: from..<to))
                from = to
            }
        }
        senders[name] = sender
        return id
    }

    /// Where the frame ends that was read last.
    private func end(_ name: String) throws -> BufferPosition? {
        let sender = try sender(name)
        return sender.stored[sender.last]?.end
    }

    func readAll(_ name: String) throws {
        var most = book.count
        while most >= 0, try read(name) != nil { most -= 1 }
    }

    /// The frame that a reader is to be given next.
    private func nextOwed(_ name: String, _ sender: Sender) -> Int? {
        let own = facts.now.destinations[name] ?? Known.Destination()
        let settled = own.answered.union(own.excluded).union(facts.now.gone)
        return (sender.last + 1..<book.count).first { id in
            book.samples(of: id).contains { !settled.contains($0) }
        }
    }

    func send(_ name: String) throws {
        var sender = try sender(name)
        guard !sender.waiting.isEmpty, sender.flying.count < Self.mostInFlight else { return }
        var parts: [Part] = []
        for _ in 0..<1 + dice.below(3) where !sender.waiting.isEmpty {
            parts.append(sender.waiting.remove(at: dice.below(min(sender.waiting.count, 8))))
        }
        parts.sort { ($0.frame, $0.samples.lowerBound) < ($1.frame, $1.samples.lowerBound) }
        senders[name] = sender
        try fly(name, [parts], replacing: [])
    }

    private func fly(_ name: String, _ requests: [[Part]], replacing: [UInt64]) throws {
        var sender = try sender(name)
        var sent: [UInt64: SentRequest] = [:]
        var noted: [UInt64: Noted] = [:]
        for parts in requests {
            let request = SentRequest(
                spans: sender.spans(parts), protocolVersion: 2, options: sender.nextNumber &* 7)
            sent[sender.nextNumber] = request
            noted[sender.nextNumber] = Noted(request: request, parts: parts, samples: samples(parts))
            sender.flying[sender.nextNumber] = Sender.Flight(parts: parts, ranges: request.spans)
            sender.nextNumber += 1
        }
        for number in replacing { sender.flying[number] = nil }
        try operate("note of a request of \(name)") {
            try sender.reader.willSend(sent, replacing: replacing)
            for number in replacing { facts.now.destinations[name]?.noted[number] = nil }
            for (number, request) in noted {
                facts.now.destinations[name]?.noted[number] = request
                facts.now.destinations[name]?.everNoted[number] = request
            }
        }
        senders[name] = sender
    }

    private func anyInFlight(_ sender: Sender) -> UInt64? {
        let numbers = sender.flying.keys.sorted()
        return numbers.isEmpty ? nil : numbers[dice.below(numbers.count)]
    }

    /// The receiver refuses a request as too large.
    func split(_ name: String) throws {
        let sender = try sender(name)
        guard let number = anyInFlight(sender), let whole = sender.flying[number], whole.parts.count > 1,
            whole.parts.allSatisfy({ sender.stored[$0.frame] != nil })
        else { return }
        let middle = 1 + dice.below(whole.parts.count - 1)
        try fly(name, [Array(whole.parts[..<middle]), Array(whole.parts[middle...])], replacing: [number])
    }

    func answer(_ name: String) throws {
        var sender = try sender(name)
        guard let number = anyInFlight(sender), let flight = sender.flying.removeValue(forKey: number) else {
            return
        }
        try operate("answer to a request of \(name)") {
            try sender.reader.answered(
                [number], ranges: flight.ranges, outcome: outcome(flight.parts))
            isAnswered(name, number, flight)
        }
        senders[name] = sender
    }

    private func isAnswered(_ name: String, _ number: UInt64, _ flight: Sender.Flight) {
        facts.now.destinations[name]?.answered.insert(samples(flight.parts))
        facts.now.destinations[name]?.noted[number] = nil
    }

    /// A sync that makes the cursor's log anew, during which an answer comes.
    func syncWithAnswerBetween(_ name: String) throws {
        let buffer = try running()
        var sender = try sender(name)
        guard let number = anyInFlight(sender), let flight = sender.flying[number] else { return try sync() }
        sender.destination.goesOn()
        let (failure, reader, booked) = (Failure(), sender.reader, outcome(flight.parts))
        door.comeBetween(atSyncOf: BufferFileName.cursor(name) + ".new") {
            do {
                try reader.answered([number], ranges: flight.ranges, outcome: booked)
            } catch {
                failure.note("\(error)")
            }
        }
        let known = facts.now
        operate("sync") {
            let isDurable = buffer.sync()
            if !door.forgetWhoComesBetween() {
                sender.flying[number] = nil
                noteWhatCameBetween("an answer in the sync") { isAnswered(name, number, flight) }
            }
            if isDurable { facts.durable = known }
        }
        senders[name] = sender
        if let text = failure.text { throw Complaint("an answer during a sync: \(text)") }
    }

    /// A sync of the segment that is written to, during which a frame comes.
    func syncWithAppendBetween() throws {
        let buffer = try running()
        clock.advance(ms: 1)
        let frame = maker.frame(at: clock.wallMs)
        let failure = Failure()
        door.comeBetween(atSyncOf: ".segment") {
            do { try buffer.append(frame) } catch { failure.note("\(error)") }
        }
        let known = facts.now
        operate("sync") {
            let isDurable = buffer.sync()
            if !door.forgetWhoComesBetween() {
                let id = book.add(frame)
                noteWhatCameBetween("an append in the sync") { took(id, buffer) }
            }
            if isDurable { facts.durable = known }
        }
        if let text = failure.text { throw Complaint("an append during a sync: \(text)") }
    }

    // MARK: another configuration, another run

    func begin(_ name: String) throws {
        let buffer = try running()
        let destination = try operate("beginning \(name)") {
            let destination = try buffer.begin(name)
            var own = Known.Destination()
            own.excluded = facts.now.appended
            facts.now.destinations[name] = own
            facts.durable.destinations[name] = own
            return destination
        }
        senders[name] = Sender(destination)
    }

    func rename(_ name: String, to newName: String) throws {
        let buffer = try running()
        let destination = try operate("renaming \(name) to \(newName)") {
            let destination = try buffer.rename(name, to: newName)
            var own = facts.now.destinations.removeValue(forKey: name) ?? Known.Destination()
            // They went to the former receiver.
            own.noted = [:]
            own.everNoted = [:]
            facts.now.destinations[newName] = own
            facts.durable.destinations[name] = nil
            facts.durable.destinations[newName] = own
            return destination
        }
        senders[name] = nil
        senders[newName] = Sender(destination)
    }

    /// Another sender begins where the one before has ended.
    func rewind(_ name: String) throws {
        let destination = try sender(name).destination
        operate("rewinding \(name)") { destination.rewind() }
        senders[name] = Sender(destination)
        try recover(name)
    }

    func retire(_ name: String) throws {
        let buffer = try running()
        operate("retiring \(name)") {
            _ = buffer.retire(name)
            facts.now.destinations[name] = nil
            facts.durable.destinations[name] = nil
        }
        senders[name] = nil
    }

    /// After a start: requests in flight are as they were noted. What they hold is read, and no more.
    func recover(_ name: String) throws {
        let sent = try sender(name).reader.sent
        if let furthest = sent.values.compactMap(\.end).max() {
            var most = book.count
            let start = BufferPosition.start(of: 0)
            while most >= 0, try end(name) ?? start < furthest, try read(name) != nil { most -= 1 }
        }
        var sender = try sender(name)
        var own = facts.now.destinations[name] ?? Known.Destination()
        for (number, noted) in own.noted where sent[number] == nil {
            guard noted.samples.subtracting(facts.now.gone).subtracting(own.answered).isEmpty else {
                throw Complaint("\(name) has forgotten request \(number)")
            }
            own.noted[number] = nil
        }
        var held = SampleSet()
        for (number, request) in sent.sorted(by: { $0.key < $1.key }) {
            guard let noted = own.noted[number], noted.request == request else {
                throw Complaint("\(name) has request \(number) in flight, which was not noted so")
            }
            var parts: [Part] = []
            for (id, stored) in sender.stored.sorted(by: { $0.key < $1.key }) {
                for samples in sender.reader.samples(of: request, in: stored) {
                    parts.append(Part(frame: id, samples: samples))
                }
            }
            let found = samples(parts)
            guard found.isSame(as: noted.samples.subtracting(facts.now.gone)) else {
                throw Complaint("\(name) finds other samples of request \(number) than it held")
            }
            held.insert(found)
            sender.flying[number] = Sender.Flight(parts: parts, ranges: sender.spans(parts))
        }
        facts.now.destinations[name] = own
        // By the sample, as a request may hold any of them.
        var waiting: [Part] = []
        for part in sender.waiting {
            let first = book.samples(of: part.frame).lowerBound
            for sample in part.samples where !held.contains(first + sample) {
                if let last = waiting.last, last.frame == part.frame, last.samples.upperBound == sample,
                    last.samples.count < 12
                {
                    waiting[waiting.count - 1] = Part(
                        frame: part.frame, samples: last.samples.lowerBound..<sample + 1)
                } else {
                    waiting.append(Part(frame: part.frame, samples: sample..<sample + 1))
                }
            }
        }
        sender.waiting = waiting
        sender.nextNumber = (own.everNoted.keys.max() ?? 0) + 1
        senders[name] = sender
    }
}

/// What failed where nobody could throw.
private final class Failure: Sendable {
    private let first = Mutex<String?>(nil)

    var text: String? { first.withLock { $0 } }

    func note(_ text: String) { first.withLock { $0 = $0 ?? text } }
}
