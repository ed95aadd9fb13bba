internal import WriteAheadBuffer

extension SlotState {
    /// The slot has no request: it waits for its turn, claims, and cuts a batch of at most `samples`, which
    /// ends at `upTo` at the latest.
    ///
    /// - `claimed`: it cuts another claim than before. It stays `filling`.
    /// - `collected`: a request was cut. It becomes `ready`; `pausing` or `held` where the request has to
    ///   wait; `settling` where it is too old, or was searched for in vain; `stopped` where the time of a
    ///   drain is over.
    ///
    /// A slot that finds nothing more to send under a drain ends in this state.
    struct Filling: Sendable {
        private var claim: ClaimMemory
        let samples: Int
        /// nil where the batch may end anywhere.
        let upTo: BufferPosition?

        /// The first state of a slot.
        init(_ machine: SlotStateMachine) {
            claim = ClaimMemory()
            (samples, upTo) = (machine.sampleLimit, nil)
        }

        /// After a request of the claim was settled. During a search the batch is the next part of what is
        /// searched.
        init(_ claim: ClaimMemory, _ machine: SlotStateMachine, _ now: SlotStateMachine.Moment) {
            self.claim = claim
            guard let search = claim.search else {
                (samples, upTo) = (machine.sampleLimit, nil)
                return
            }
            upTo = search.end
            if !search.isGivenUp, machine.lessons.takeProbe(now.monotonicNs) {
                samples = min(machine.sampleLimit, max(1, search.samples / 2))
            } else {
                self.claim.search?.isGivenUp = true
                samples = max(1, search.samples)
            }
        }

        /// Whether a series is searched for that the receiver refuses.
        var isSearching: Bool { claim.search != nil }

        /// What is cut next is another claim: nothing of the one before is searched any more.
        mutating func claimed() { claim = ClaimMemory() }

        /// A request was cut.
        func collected(
            _ request: SlotStateMachine.Held, _ machine: inout SlotStateMachine,
            _ now: SlotStateMachine.Moment
        ) -> SlotState {
            var flight = Flight(request, claim)
            if claim.mayHaveStored(request) { flight.request.mayBeStored = true }
            if let search = claim.search {
                if request.end > search.end {
                    // What was searched for was dropped meanwhile.
                    flight.claim.search = nil
                } else if search.isGivenUp {
                    return flight.settle(
                        .refused(reason: search.reason.rawValue),
                        leaveOutForMs: search.isNarrowed ? SlotStateMachine.suspectedMs : nil, machine)
                }
            }
            return flight.nextTry(&machine, now)
        }
    }
}
