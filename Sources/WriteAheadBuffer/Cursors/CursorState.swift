/// What one destination's cursor holds: all of it durable.
struct CursorState: Sendable, Equatable {
    struct Lane: Sendable, Equatable {
        /// Everything before it is answered for.
        var answered: BufferPosition
        /// The end of the request that is or was in flight.
        var inFlightEnd: BufferPosition?
        /// What that request leaves out.
        var omissions: [BufferOmission] = []
    }

    struct Job: Sendable, Equatable {
        /// The job's totals at the point this destination's books begin; below zero after what was delivered
        /// was lost from the disk.
        var baseAppended: Int64 = 0
        var baseFailed: Int64 = 0
        /// What became of the samples answered for since.
        var outcome = JobOutcome()
    }

    var name: String
    var lanes: [Lane]
    var jobs: [String: Job] = [:]

    /// Where the slowest lane stands.
    var lowest: BufferPosition { lanes.map(\.answered).min() ?? .start(of: 0) }
}

/// One change of a cursor.
enum CursorChange: Sendable, Equatable {
    /// A request up to here is about to leave, without what it leaves out; up to where the answers are, none
    /// is in flight any more.
    case sent(lane: Int, end: BufferPosition, omissions: [BufferOmission] = [])
    /// Everything up to here is answered for.
    case answered(lane: Int, end: BufferPosition, outcome: Outcomes)
}

extension CursorState {
    /// Applies a change; false when it names a lane there is not.
    mutating func apply(_ change: CursorChange) -> Bool {
        switch change {
        case .sent(let lane, let end, let omissions):
            guard lanes.indices.contains(lane) else { return false }
            // One that reaches no further than the answers forgets the request that was in flight.
            let isAhead = end > lanes[lane].answered
            lanes[lane].inFlightEnd = isAhead ? end : nil
            lanes[lane].omissions = isAhead ? omissions : []
        case .answered(let lane, let end, let outcome):
            guard lanes.indices.contains(lane) else { return false }
            lanes[lane].answered = max(lanes[lane].answered, end)
            if let inFlight = lanes[lane].inFlightEnd, inFlight <= lanes[lane].answered {
                lanes[lane].inFlightEnd = nil
                lanes[lane].omissions = []
            }
            for entry in outcome.entries { jobs[entry.job, default: Job()].outcome.add(entry.outcome) }
        }
        return true
    }
}
