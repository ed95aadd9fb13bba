internal import WriteAheadBuffer

/// What a request's samples are booked as.
enum RequestVerdict: Equatable, Sendable {
    case delivered
    /// The receiver answered with success, and said that it has not written so much.
    case unwritten(WrittenCounts)
    /// The receiver's final answer was no.
    case refused(reason: String)
    /// The same, to so much of it, and it said that it has written the rest.
    case partlyRefused(WrittenCounts, reason: String)
    /// Let go without a final answer.
    case givenUp(reason: String)
}

extension Outcomes {
    /// A request's outcome with what it sent booked as `verdict` says.
    func booked(as verdict: RequestVerdict) -> Outcomes {
        switch verdict {
        case .delivered: self
        case .unwritten(let missing): undelivered(UInt64(missing.total), DropReason.unwritten)
        case .partlyRefused(let missing, let reason): undelivered(UInt64(missing.total), reason)
        case .refused(let reason), .givenUp(let reason): undelivered(reason)
        }
    }
}
