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
    /// Whether samples are given up with it, as the receiver has refused them for good. Else they are kept
    /// and sent again.
    public var isDropping = false
    /// When `lastError` came, by the wall clock.
    public var lastErrorMs: Int64?
    /// Samples read from the buffer and not answered for.
    public var pendingSamples = 0
    /// Native histograms and exemplars of the request under way.
    public var pendingHistograms = 0
    public var pendingExemplars = 0
    /// Timestamp of the oldest of them.
    public var oldestPendingMs: Int64?

    public init() {}

    /// A slot without a request may have none for days, when fewer are in use. What it met last is over when
    /// another slot's request was stored so long after.
    static let errorLastsMs: Int64 = 60_000

    /// The same without an error that is over. `storedMs` is when a request of any slot was last stored.
    func current(storedMs: Int64?) -> SlotStatus {
        guard state == .idle || state == .stopped, let lastErrorMs, let storedMs,
            storedMs - lastErrorMs >= Self.errorLastsMs
        else { return self }
        var status = self
        (status.lastError, status.isDropping, status.lastErrorMs) = (nil, false, nil)
        return status
    }

    /// Whether samples that it could not send are kept.
    public var isHolding: Bool {
        guard lastError != nil, !isDropping else { return false }
        switch state {
        case .sending, .backingOff, .throttled, .held: return true
        case .idle, .stopped: return false
        }
    }
}

extension SlotStatus.State {
    /// What a state of the slot looks like from outside.
    init(_ state: SlotState, _ obstacle: SlotStateMachine.Obstacle?) {
        switch state {
        case .ready, .inFlight: self = .sending
        case .pausing, .held:
            switch obstacle {
            case .failing: self = .backingOff
            case .throttled, nil: self = .throttled
            case .unauthorized, .misconfigured, .refusing, .refusingSize: self = .held
            }
        case .filling, .settling: self = .idle
        case .stopped: self = .stopped
        }
    }
}
