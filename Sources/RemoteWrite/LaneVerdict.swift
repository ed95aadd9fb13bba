/// What a request's samples are booked as.
enum LaneVerdict: Equatable, Sendable {
    case delivered
    /// The receiver's final answer was no.
    case refused(reason: String)
    /// Let go without a final answer.
    case givenUp(reason: String)
}
