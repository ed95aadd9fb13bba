import Synchronization

extension WriteAheadBuffer {
    /// Memory is scarce: the next round of the keeper ends the segment if most of it is of series and targets
    /// that are gone. Each reader holds all that a segment states until it has left the segment, and that may
    /// otherwise take a quarter of an hour. Any thread; returns at once.
    public func letGoOfThePast() { isToLetGo.store(true, ordering: .relaxed) }

    /// Called by the keeper.
    func endWhatIsPast() {
        let hasRotated = state.withLock { state in
            guard !state.isClosed else { return false }
            state.writer?.giveBackRoom()
            guard state.writer?.isMostlyOfThePast() ?? false else { return false }
            let number = state.writer?.number
            // Where that fails it has said so; the segment goes on.
            try? rotateIfPossible(&state)
            return state.writer?.number != number
        }
        // Those that have read all of it leave it at once.
        if hasRotated { for destination in destinations.withLock({ $0 }) { destination.raise() } }
    }
}
