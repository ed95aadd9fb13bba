internal import Platform

/// Slots that wait for their turn, each with an event of its own, so that a turn wakes one and not all of
/// them: fifty that are woken to find the turn taken cost more than the request that woke them.
///
/// The one that waits for the shortest time is woken first: what it needs is still in the caches.
struct ParkedSlots: Sendable {
    private var slots: [Event] = []

    /// Adds a slot; what `next` or `leaveAll` hands out is signalled by the caller.
    mutating func park(_ slot: Event) { slots.append(slot) }

    /// A slot ends, and is not woken any more.
    mutating func leave(_ slot: Event) { slots.removeAll { $0 === slot } }

    /// The slot to wake, which is no longer parked.
    mutating func next() -> Event? { slots.popLast() }

    /// All of them, none of which is parked any more.
    mutating func leaveAll() -> [Event] {
        defer { slots = [] }
        return slots
    }
}
