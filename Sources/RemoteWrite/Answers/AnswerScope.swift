/// Of an answer that leaves its request open: whether the trouble is the destination's, so that every request
/// would meet it, or that request's own.
enum AnswerScope: Equatable, Sendable {
    /// The destination's: no other request would fare better now.
    case destination
    /// The request's, or the destination's: nothing was stored since it left, or the receiver asks for
    /// quiet.
    case unclear
    /// The request's: others were stored since it left.
    case request
}

extension ReceiverAnswer {
    /// `storesOthers`: another request was stored since this one left.
    func scope(storesOthers: Bool) -> AnswerScope {
        switch self {
        case .unconnected, .unsigned, .unsendable: return .destination
        case .unreachable: return storesOthers ? .request : .unclear
        case .status(let response):
            switch response.meaning {
            // A limit on series refuses what is new in one request; all of the next may be known.
            case .throttled: return response.reason.isSeriesLimit ? .request : .destination
            case .unauthorized, .misconfigured: return .destination
            case .failing: return storesOthers && response.retryAfterMs == nil ? .request : .unclear
            case .stored, .refused, .tooLarge: return .request
            }
        }
    }
}
