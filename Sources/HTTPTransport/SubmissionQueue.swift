import Synchronization

/// A request on its way to the transfer thread.
struct Submission: Sendable {
    let id: UInt64
    let request: HTTPRequest
    let submittedNs: UInt64
    let deadlineNs: UInt64
    let continuation: CheckedContinuation<Result<HTTPResponse, HTTPError>, Never>
}

/// What tasks and body owners tell the transfer thread. Bounded by those who wait: each submission is a
/// task's.
final class SubmissionQueue: Sendable {
    /// All that came since the last time.
    struct Batch {
        var submissions: [Submission] = []
        var cancellations: [UInt64] = []
        /// Body slots given back.
        var releasedSlots = 0
        /// Bytes given back by bodies that held no slot.
        var releasedBytes = 0
        var shutDown = false
    }

    private struct State {
        var batch = Batch()
        var nextID: UInt64 = 0
        var wakePending = false
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

    /// Hands a request over; false, and nothing kept, when the client is shut down or the task cancelled.
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

    /// Ends a transfer; nothing happens when it is over or was never handed over.
    func cancel(_ id: UInt64) {
        state.withLock { state in
            guard state.waker != nil else { return }
            state.batch.cancellations.append(id)
            wake(&state)
        }
    }

    /// A body was let go.
    func release(_ claim: BodyClaim, sizeBytes: Int) {
        guard claim != .none else { return }
        state.withLock { state in
            if claim == .slot {
                state.batch.releasedSlots += 1
            } else {
                state.batch.releasedBytes += sizeBytes
            }
            if state.wantsReleases { wake(&state) }
        }
    }

    /// Ends the thread once it has failed what it holds.
    func shutDown() {
        state.withLock { state in
            state.batch.shutDown = true
            wake(&state)
        }
    }

    /// For the thread: what came since. `wantsReleases` says whether a release alone is worth waking for.
    func take(wantsReleases: Bool) -> Batch {
        state.withLock { state in
            state.wakePending = false
            state.wantsReleases = wantsReleases
            let batch = state.batch
            state.batch = Batch(shutDown: batch.shutDown)
            return batch
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

    private func wake(_ state: inout State) {
        guard !state.wakePending, let waker = state.waker else { return }
        // A wake that fails (the pipe is full) has been preceded by one that the thread has yet to see.
        state.wakePending = waker.wake()
    }
}
