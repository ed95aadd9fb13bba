import Synchronization

/// Who is told how a request ended.
enum Reply: Sendable {
    case task(CheckedContinuation<Result<HTTPResponse, HTTPError>, Never>)
    case exchange(any HTTPExchange)

    /// Called once.
    func end(_ result: Result<HTTPResponse, HTTPError>) {
        switch self {
        case .task(let continuation): continuation.resume(returning: result)
        case .exchange(let exchange): exchange.end(result)
        }
    }
}

/// A request on its way to the transfer thread.
struct Submission: Sendable {
    let id: UInt64
    let request: HTTPRequest
    let submittedNs: UInt64
    let deadlineNs: UInt64
    let reply: Reply

    init(id: UInt64, request: HTTPRequest, nowNs: UInt64, reply: Reply) {
        // A year bounds the sum; nobody waits longer.
        let timeoutMs = UInt64(max(0, min(request.timeoutMs, 31_536_000_000)))
        self.id = id
        self.request = request
        self.reply = reply
        submittedNs = nowNs
        deadlineNs = nowNs + timeoutMs * 1_000_000
    }

    private init(_ other: Submission, _ request: HTTPRequest) {
        id = other.id
        submittedNs = other.submittedNs
        deadlineNs = other.deadlineNs
        reply = other.reply
        self.request = request
    }

    /// The same for another request, with the same time and reply.
    func asking(_ request: HTTPRequest) -> Submission { Submission(self, request) }
}

/// What tasks and body owners tell the transfer thread. Bounded by those who wait: each submission is a
/// task's, each scheduled exchange a target's.
///
/// The thread is woken only out of a wait that would last too long: an exchange that is scheduled behind
/// others costs no wake, and neither does what comes while the thread works.
final class SubmissionQueue: Sendable {
    /// All that came since the last time.
    struct Batch {
        var submissions: [Submission] = []
        var scheduled: [DeadlineQueue.Entry] = []
        var cancellations: [UInt64] = []
        /// Body slots given back.
        var releasedSlots = 0
        /// Bytes given back by bodies that held no slot.
        var releasedBytes = 0
        /// Memory was given back to the account.
        var hasReleasedMemory = false
        /// Idle connections and what is kept for later requests are to go.
        var relaxes = false
        /// The memory account has other limits.
        var changesLimits = false
        var shutDown = false
    }

    private struct State {
        var batch = Batch()
        var nextID: UInt64 = 0
        /// Until when the thread waits unless it is woken; nil while it does not wait, or wakes already.
        var waitsUntilNs: UInt64?
        /// The thread is short of slots or bytes and wants to hear of releases at once.
        var wantsReleases = false
        var waker: MultiHandle?
    }

    private let state: Mutex<State>

    init(waking multi: MultiHandle) {
        state = Mutex(State(waker: multi))
    }

    /// A number for a request, unique in this client.
    func nextID() -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }

    /// Hands a request over; nil when it was taken. Otherwise nothing is kept of it, and the code says why:
    /// `.shutDown` when the client is shut down, `.cancelled` when the task is.
    ///
    /// The task's flag is read under the lock: it is set before `cancel` is called, so that a cancellation
    /// either is seen here or comes after the submission.
    func submit(_ submission: Submission) -> HTTPError.Code? {
        state.withLock { state in
            if state.waker == nil || state.batch.shutDown { return .shutDown }
            if Task.isCancelled { return .cancelled }
            state.batch.submissions.append(submission)
            wake(&state)
            return nil
        }
    }

    /// Hands an exchange over that begins at `deadlineNs`; its number. One that comes after the end is ended
    /// at once, by the caller's thread.
    func schedule(_ exchange: any HTTPExchange, atNs deadlineNs: UInt64) -> UInt64 {
        let (id, isTaken) = state.withLock { state in
            state.nextID += 1
            guard state.waker != nil, !state.batch.shutDown else { return (state.nextID, false) }
            state.batch.scheduled.append(.init(id: state.nextID, deadlineNs: deadlineNs, exchange: exchange))
            if let untilNs = state.waitsUntilNs, deadlineNs < untilNs { wake(&state) }
            return (state.nextID, true)
        }
        if !isTaken { exchange.end(.failure(Self.shutDownError)) }
        return id
    }

    /// Ends a transfer; nothing happens when it is over or was never handed over.
    func cancel(_ id: UInt64) {
        state.withLock { state in
            guard state.waker != nil else { return }
            state.batch.cancellations.append(id)
            wake(&state)
        }
    }

    /// A body was let go, and what it held went back to the memory account.
    func release(_ claim: BodyClaim, heldBytes: Int) {
        guard claim != .none || heldBytes > 0 else { return }
        state.withLock { state in
            if heldBytes > 0 { state.batch.hasReleasedMemory = true }
            switch claim {
            case .none: break
            case .slot: state.batch.releasedSlots += 1
            case .bytes(let count): state.batch.releasedBytes += count
            }
            if state.wantsReleases { wake(&state) }
        }
    }

    /// Idle connections and what is kept for later requests are to go.
    func relax() {
        state.withLock { state in
            state.batch.relaxes = true
            wake(&state)
        }
    }

    /// The memory account has other limits.
    func changeLimits() {
        state.withLock { state in
            state.batch.changesLimits = true
            wake(&state)
        }
    }

    /// Ends the thread once it has failed what it holds.
    func shutDown() {
        state.withLock { state in
            state.batch.shutDown = true
            wake(&state)
        }
    }

    /// For the thread: what came since.
    func take() -> Batch {
        state.withLock { state in
            state.waitsUntilNs = nil
            let batch = state.batch
            state.batch = Batch(shutDown: batch.shutDown)
            return batch
        }
    }

    /// For the thread, about to wait: from here on it is woken for what cannot wait until `untilNs`. False
    /// when there is something like that already: it takes that first. `wantsReleases` says whether a
    /// release alone is worth waking for.
    func mayWait(untilNs: UInt64, wantsReleases: Bool) -> Bool {
        state.withLock { state in
            let batch = state.batch
            let isReleased =
                batch.releasedSlots > 0 || batch.releasedBytes > 0 || batch.hasReleasedMemory
            guard batch.submissions.isEmpty, batch.cancellations.isEmpty, !batch.shutDown,
                !batch.relaxes, !batch.changesLimits,
                !(wantsReleases && isReleased), batch.scheduled.allSatisfy({ $0.deadlineNs >= untilNs })
            else { return false }
            state.waitsUntilNs = untilNs
            state.wantsReleases = wantsReleases
            return true
        }
    }

    /// For the thread, at its end: from here on nothing is accepted. Returns what came last.
    func close() -> Batch {
        state.withLock { state in
            state.waker = nil
            let batch = state.batch
            state.batch = Batch(shutDown: true)
            return batch
        }
    }

    static let shutDownError = HTTPError(.shutDown, "the HTTP client was shut down")

    private func wake(_ state: inout State) {
        guard state.waitsUntilNs != nil, let waker = state.waker else { return }
        // A wake that fails (the pipe is full) has been preceded by one that the thread has yet to see.
        if waker.wake() { state.waitsUntilNs = nil }
    }
}
