internal import Platform

/// What the transfers of one client share about bodies. Transfer thread only, but for the pool.
final class BodyAdmission {
    var slots: BodySlots
    let pool: BodyPool
    /// Transfers to be paused once libcurl has returned.
    var toPause: [UInt64] = []
    private let clock = SystemClock()

    init(slots: BodySlots, pool: BodyPool) {
        self.slots = slots
        self.pool = pool
    }

    var nowNs: UInt64 { clock.monotonicNs }
}
