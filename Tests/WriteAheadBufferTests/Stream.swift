import MetricModel
import Synchronization

@testable import WriteAheadBuffer

/// A destination that is answered for in the order of the log, everything up to a place at a time. What is in
/// flight is one request, number 0.
final class Stream: Sendable {
    private struct State {
        /// Handed out, and not answered for in full.
        var open: [StoredFrame] = []
        var answered: BufferPosition?
    }

    let destination: BufferDestination
    private let state = Mutex(State())

    init(_ destination: BufferDestination) { self.destination = destination }

    var reader: DestinationReader { destination.reader }

    /// Where the request in flight ends, and what it leaves out.
    var inFlightEnd: BufferPosition? { reader.sent[0]?.end }
    var inFlightOmissions: [BufferOmission] { reader.sent[0]?.omissions ?? [] }

    func next() throws -> StoredFrame? {
        let stored = try reader.next()
        if let stored { state.withLock { $0.open.append(stored) } }
        return stored
    }

    func all() throws -> [StoredFrame] {
        var frames: [StoredFrame] = []
        while let stored = try next() { frames.append(stored) }
        return frames
    }

    func willSend(upTo end: BufferPosition, leavingOut omissions: [BufferOmission] = []) throws {
        let request = SentRequest(spans: covers(upTo: end), omissions: omissions)
        try reader.willSend([0: request], replacing: reader.sent[0] == nil ? [] : [0])
    }

    func answered(upTo end: BufferPosition, outcome: Outcomes) throws {
        let isOver = inFlightEnd.map { $0 <= end } ?? false
        try reader.answered(isOver ? [0] : [], ranges: covers(upTo: end), outcome: outcome)
        state.withLock { state in
            state.open.removeAll { $0.end <= end }
            state.answered = end
        }
    }

    /// Answers for everything up to `end`: `frames` are delivered in full.
    func deliver(_ frames: [StoredFrame], upTo end: BufferPosition? = nil) throws {
        guard let last = end ?? frames.last?.end else { return }
        var outcome = Outcomes()
        for stored in frames {
            outcome.deliver(stored.open.reduce(0) { $0 + $1.count }, of: stored.frame.target.job)
        }
        try willSend(upTo: last)
        try answered(upTo: last, outcome: outcome)
    }

    /// Reads and delivers until there is nothing more.
    @discardableResult
    func drain() throws -> [StoredFrame] {
        let frames = try all()
        try deliver(frames)
        // With nothing outstanding what is lost is booked.
        _ = try next()
        return frames
    }

    /// Begins again at what is not answered for.
    func rewind() {
        destination.rewind()
        state.withLock { $0 = State() }
    }

    /// What the open samples before `end` cover; neighbours are one range.
    private func covers(upTo end: BufferPosition) -> [Range<BufferPosition>] {
        let (open, answered) = state.withLock { ($0.open, $0.answered) }
        var ranges = AnsweredRanges()
        for stored in open {
            let from = Self.sample(answered ?? stored.start, of: stored)
            let to = Self.sample(end, of: stored)
            for samples in stored.open {
                let part = samples.clamped(to: from..<max(from, to))
                if !part.isEmpty { ranges.insert(stored.cover(part)) }
            }
        }
        return ranges.ranges
    }

    /// How many samples of a frame lie before a place.
    private static func sample(_ place: BufferPosition, of stored: StoredFrame) -> Int {
        if place >= stored.end { return stored.frame.sampleCount }
        let isInside = place.segment == stored.start.segment && place.offset == stored.start.offset
        return isInside ? Int(place.sample) : 0
    }
}

extension WriteAheadBuffer {
    /// Opens a destination, which is answered for in the order of the log.
    func openStream(_ name: String) throws -> Stream { Stream(try openDestination(name)) }
}
