internal import WriteAheadBuffer

extension SlotState {
    /// What a slot has to remember of its claim from one request to the next.
    struct ClaimMemory: Sendable {
        /// The search for a series that the receiver refuses; nil where none goes on.
        var search: SeriesSearch?
        /// What of the claim lies before this position may be stored, as it was sent as part of a larger
        /// request; nil where nothing may.
        private var mayBeStoredTo: BufferPosition?

        init() {}

        /// Whether the receiver may have stored a request of the claim as part of a larger one.
        func mayHaveStored(_ request: SlotStateMachine.Held) -> Bool {
            mayBeStoredTo.map { request.end <= $0 } ?? false
        }

        /// The request is put back, to be cut anew.
        mutating func putBack(_ request: SlotStateMachine.Held) {
            guard request.mayBeStored else { return }
            mayBeStoredTo = max(mayBeStoredTo ?? request.end, request.end)
        }

        /// The request is booked: what it held is no longer searched.
        mutating func settled(_ request: SlotStateMachine.Held) {
            guard let found = search else { return }
            search?.samples -= request.sampleCount
            search?.isNarrowed = true
            if request.end >= found.end || request.sampleCount >= found.samples { search = nil }
        }
    }
}
