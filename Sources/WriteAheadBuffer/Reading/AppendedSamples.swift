internal import Platform

/// How many samples were appended while a destination reads, and the event of a reader that waits for more of
/// them.
struct AppendedSamples: Sendable {
    private(set) var total: UInt64 = 0
    /// Signalled once `total` has reached `at`, and then forgotten.
    private var awaited: (event: Event, at: UInt64)?

    /// Counts samples. Returns the event that is to be signalled now, if any.
    mutating func append(_ samples: UInt64) -> Event? {
        total &+= samples
        guard let awaited, total >= awaited.at else { return nil }
        self.awaited = nil
        return awaited.event
    }

    /// Waits for the total `at` with `event`, in place of what was waited for before. True where so many
    /// samples are there: nothing is waited for then.
    mutating func expect(_ event: Event, at: UInt64) -> Bool {
        let isThere = total >= at
        awaited = isThere ? nil : (event, at)
        return isThere
    }
}
