internal import WriteAheadBuffer

/// What a request's samples are booked as.
enum LaneVerdict: Equatable, Sendable {
    case delivered
    /// The receiver's final answer was no.
    case refused(reason: String)
    /// Let go without a final answer.
    case givenUp(reason: String)
}

extension Outcomes {
    /// A request's outcome with what it sent booked as `verdict` says.
    func booked(as verdict: LaneVerdict) -> Outcomes {
        switch verdict {
        case .delivered: self
        case .refused(let reason), .givenUp(let reason): undelivered(reason)
        }
    }
}
