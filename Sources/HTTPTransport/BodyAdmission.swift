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

    /// Charges memory for a body that holds `heldBytes` already. False: it waits in line.
    func charge(_ bytes: Int, for id: UInt64, holding heldBytes: Int = 0) -> Bool {
        if take(bytes, for: id, holding: heldBytes, isBehindLarge: largeInLine != nil) { return true }
        line.add(id, bytes, heldBytes: heldBytes)
        return false
    }

    /// The next in line whose charge fits; it has been charged.
    func nextGranted() -> (id: UInt64, bytes: Int)? {
        let large = largeInLine
        var isBehindLarge = false
        for (id, bytes, heldBytes) in line.waiting {
            if take(bytes, for: id, holding: heldBytes, isBehindLarge: isBehindLarge) {
                line.remove(id)
                return (id, bytes)
            }
            if id == large { isBehindLarge = true }
        }
        return nil
    }

    /// What one body may hold: the limit that is not narrowed. A narrowed one says how many bodies are
    /// received at a time, and none fails by it.
    var mostOfOneBytes: Int {
        max(memory.wholeLimitBytes(of: .bodies), memory.limitBytes(of: .bodies))
    }

    /// The first in line that needs more than the narrowed limit by itself. Bodies behind it that hold
    /// nothing yet let it go first: it goes on when no other is received, which might never be else.
    private var largeInLine: UInt64? {
        let limit = memory.limitBytes(of: .bodies)
        return limit < memory.wholeLimitBytes(of: .bodies) ? line.first(beyond: limit) : nil
    }

    /// Bytes that bodies without a slot may take more before they have to have one. While the limit of the
    /// memory account is narrowed, what such bodies may hold together is narrowed by as much: whoever may not
    /// take more waits for a slot with what it has, and who has a slot keeps it. `.max` otherwise: what is
    /// beyond `BodySlots.bytesLimit` is then refused.
    var leftWithoutSlot: Int {
        let limit = memory.limitBytes(of: .bodies)
        let whole = memory.wholeLimitBytes(of: .bodies)
        guard limit < whole else { return .max }
        return Int(Double(slots.bytesLimit) * (Double(limit) / Double(whole))) - slots.unslottedBytes
    }

    /// How those that wait come on when they hold all memory that is in use, so that none of them gets more.
    enum WayOn: Equatable {
        /// The body has been charged what it waits for, or a part of it, even if that exceeds the limit.
        case goesOn(UInt64, bytes: Int)
        /// This one must give up its body. `cannotFit`: it needs more than the whole limit by itself.
        case givesWay(UInt64, cannotFit: Bool)
    }

    /// A part of what a body waits for that is of use: less would soon be asked for again.
    static let partBytes = 64 << 10

    /// Nil while others hold memory, which they will give back. `takesPart` says whether a part of what the
    /// body waits for is of use to it.
    ///
    /// A body asks for more than it may need. One after the other gets what is left of the whole limit, also
    /// where the limit is narrowed: all of them wait, and none would come to its end otherwise. One body at
    /// most does so at a time, so what is held beyond the narrowed limit grows by one body at most, and is
    /// less once that one has ended. If that helps nobody, one gives way: one that cannot fit, or the
    /// longest.
    func wayOn(heldBytes: (UInt64) -> Int, takesPart: (UInt64) -> Bool) -> WayOn? {
        let usedBytes = memory.usedBytes(of: .bodies)
        guard let longest = line.victim(usedBytes: usedBytes, heldBytes: heldBytes) else { return nil }
        let limit = mostOfOneBytes
        func room(_ id: UInt64) -> Int {
            // Who has nothing yet can wait.
            guard heldBytes(id) > 0, grower == nil || grower == id else { return 0 }
            return limit - usedBytes
        }
        let next =
            line.waiting.first { room($0.id) >= $0.bytes }
            ?? line.waiting.first { takesPart($0.id) && room($0.id) >= Self.partBytes }
        if let next {
            let bytes = min(next.bytes, room(next.id))
            memory.change(.bodies, by: bytes)
            grower = next.id
            line.remove(next.id)
            return .goesOn(next.id, bytes: bytes)
        }
        let large = line.waiting.first { next in
            let held = heldBytes(next.id)
            return held > 0 && held + (takesPart(next.id) ? Self.partBytes : next.bytes) > limit
        }
        return .givesWay(large?.id ?? longest, cannotFit: large != nil)
    }

    /// The transfer is over, or holds nothing any more.
    func ended(_ id: UInt64) {
        line.remove(id)
        if grower == id { grower = nil }
    }

    /// Half of the memory is for all; the other half for one body at a time, which can then grow to its end.
    /// If all could grow into it at once, none might come to its end. A body that alone holds memory may grow
    /// beyond a narrowed limit.
    private func take(
        _ bytes: Int, for id: UInt64, holding heldBytes: Int, isBehindLarge: Bool
    ) -> Bool {
        if isBehindLarge, heldBytes == 0 { return false }
        let usedBytes = memory.usedBytes(of: .bodies)
        let isAlone = usedBytes == heldBytes
        let isLow = usedBytes + bytes <= memory.limitBytes(of: .bodies) / 2
        guard isLow || grower == nil || grower == id,
            memory.charge(bytes, to: .bodies, withinWhole: isAlone)
        else { return false }
        if !isLow { grower = id }
        return true
    }
}
