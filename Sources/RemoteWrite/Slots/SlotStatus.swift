/// How one slot fares.
public struct SlotStatus: Sendable, Equatable {
    public enum State: String, Sendable {
        /// Nothing to send, or waiting for a batch to fill.
        case idle
        case sending
        /// The receiver fails or cannot be reached: tried again soon.
        case backingOff = "backing off"
        /// The receiver asked for less.
        case throttled
        /// Refused signatures, a wrong path, or every size refused: held, and tried again slowly.
        case held
        case stopped
    }

    public var state = State.idle
    /// What went wrong last; nil once a request was stored after it.
    public var lastError: String?
    /// Samples read from the buffer and not answered for.
    public var pendingSamples = 0
    /// Native histograms and exemplars of the request under way.
    public var pendingHistograms = 0
    public var pendingExemplars = 0
    /// Timestamp of the oldest of them.
    public var oldestPendingMs: Int64?

    public init() {}
}

extension SlotStatus.State {
    /// What an action of the state machine looks like from outside.
    init(_ action: SlotStateMachine.Action, _ obstacle: SlotStateMachine.Obstacle?) {
        switch action {
        case .send: self = .sending
        case .wait:
            switch obstacle {
            case .failing: self = .backingOff
            case .throttled, nil: self = .throttled
            case .unauthorized, .misconfigured, .refusing, .refusingSize: self = .held
            }
        case .settle, .split: self = .idle
        case .stop: self = .stopped
        }
    }
}
