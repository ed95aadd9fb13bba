internal import Platform

/// What the transfers of one client share about bodies. Transfer thread only, but for the pool and the
/// account.
final class BodyAdmission {
    var slots: BodySlots
    var line = MemoryLine()
    let memory: MemoryAccount
    let pool: BodyPool
    /// Transfers to be paused once libcurl has returned.
    var toPause: [UInt64] = []
    /// Who may grow into the upper half of the memory.
    private var grower: UInt64?
    private let clock = SystemClock()

    init(slots: BodySlots, pool: BodyPool, memory: MemoryAccount = MemoryAccount()) {
        self.slots = slots
        self.pool = pool
        self.memory = memory
    }

    var nowNs: UInt64 { clock.monotonicNs }

    /// Somebody waits for a slot or for memory.
    var hasWaiters: Bool { slots.hasWaiters || !line.isEmpty }

    /// Charges memory for a body. False: it waits in line.
    func charge(_ bytes: Int, for id: UInt64) -> Bool {
        if take(bytes, for: id) { return true }
        line.add(id, bytes)
        return false
    }

    /// The next in line whose charge fits; it has been charged.
    func nextGranted() -> (id: UInt64, bytes: Int)? {
        guard let next = line.waiting.first(where: { take($0.bytes, for: $0.id) }) else { return nil }
        line.remove(next.id)
        return next
    }

    /// The transfer is over, or holds nothing any more.
    func ended(_ id: UInt64) {
        line.remove(id)
        if grower == id { grower = nil }
    }

    /// Half of the memory is for all; the other half for one body at a time, which can then grow to its end.
    /// If all could grow into it at once, none might come to its end.
    private func take(_ bytes: Int, for id: UInt64) -> Bool {
        let half = memory.limitBytes(of: .bodies) / 2
        let isLow = memory.usedBytes(of: .bodies) + bytes <= half
        guard isLow || grower == nil || grower == id, memory.charge(bytes, to: .bodies) else { return false }
        if !isLow { grower = id }
        return true
    }
}
