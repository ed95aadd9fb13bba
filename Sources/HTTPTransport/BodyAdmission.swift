internal import Platform

/// What the transfers of one client share about bodies. Transfer thread only, but for the pool and the
/// account.
final class BodyAdmission {
    /// A body that may take more than others, and what it holds.
    private struct Holder {
        let id: UInt64
        let bytes: Int
    }

    /// A body for which others wait, and since when.
    private struct HoldUp {
        let id: UInt64
        let sinceNs: UInt64
    }

    var slots: BodySlots
    var line = MemoryLine()
    let memory: MemoryAccount
    let pool: BodyPool
    /// Transfers to be paused once libcurl has returned.
    var toPause: [UInt64] = []
    /// Who may grow into the upper half of the memory.
    private var grower: Holder?
    /// While the limit is narrowed: the one body that is not counted in it. It needs more than half of the
    /// narrowed limit by itself, and the others go on sharing that limit meanwhile.
    private var beside: Holder?
    /// The body for which others wait, as `holdsUpTooLong` found it.
    private var heldUpBy: HoldUp?
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
        if line.isEmpty { heldUpBy = nil }
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

    private var limitBytes: Int { memory.limitBytes(of: .bodies) }
    private var isNarrowed: Bool { limitBytes < memory.wholeLimitBytes(of: .bodies) }

    /// What a body of `size` bytes asks for at most. What may not be needed is not asked for where that would
    /// make it a body that stands beside a narrowed limit, or one that is beyond it.
    func mostAskedBytes(size: Int) -> Int {
        let limit = limitBytes
        guard isNarrowed, size <= limit else { return mostOfOneBytes }
        return size <= limit / 2 ? limit / 2 : limit
    }

    /// One that may stand beside the narrowed limit, and does not fit into the whole limit together with as
    /// much as the others may have. Bodies behind it that hold nothing yet let it go first, or there would
    /// never be room for it.
    private var largeInLine: UInt64? {
        guard isNarrowed else { return nil }
        let limit = limitBytes
        let most = max(memory.wholeLimitBytes(of: .bodies) - limit, limit / 2)
        return line.waiting.first {
            (beside == nil || beside?.id == $0.id) && $0.bytes > most - $0.heldBytes
        }?.id
    }

    /// Bytes that bodies without a slot may take more before they have to have one. While the limit of the
    /// memory account is narrowed, what such bodies may hold together is narrowed by as much: whoever may not
    /// take more waits for a slot with what it has, and who has a slot keeps it unless its sender stalls
    /// (`stalled`). `.max` otherwise: what is beyond `BodySlots.bytesLimit` is then refused.
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
    /// where the limit is narrowed: all of them wait, and none would come to its end otherwise. There the one
    /// that stands beside the limit comes first, or takes that place; where it cannot go on, another one may.
    /// If that helps nobody, one gives way: one that cannot fit, or the longest.
    func wayOn(heldBytes: (UInt64) -> Int, takesPart: (UInt64) -> Bool) -> WayOn? {
        let usedBytes = memory.usedBytes(of: .bodies)
        guard let longest = line.victim(usedBytes: usedBytes, heldBytes: heldBytes) else { return nil }
        followLimit()
        let limit = mostOfOneBytes
        let leftBytes = limit - usedBytes
        func next(_ holder: Holder?) -> (id: UInt64, bytes: Int, heldBytes: Int)? {
            // Who has nothing yet can wait.
            let waiting = line.waiting.filter {
                (holder == nil || holder?.id == $0.id) && heldBytes($0.id) > 0
            }
            return waiting.first { leftBytes >= $0.bytes }
                ?? waiting.first { takesPart($0.id) && leftBytes >= Self.partBytes }
        }
        let large = isNarrowed ? next(beside) : nil
        if let next = large ?? next(grower) {
            let bytes = min(next.bytes, leftBytes)
            memory.change(.bodies, by: bytes)
            let holder = Holder(id: next.id, bytes: heldBytes(next.id) + bytes)
            if large == nil { grower = holder } else { beside = holder }
            line.remove(next.id)
            return .goesOn(next.id, bytes: bytes)
        }
        let tooLarge = line.waiting.first { next in
            let held = heldBytes(next.id)
            return held > 0 && held + (takesPart(next.id) ? Self.partBytes : next.bytes) > limit
        }
        return .givesWay(tooLarge?.id ?? longest, cannotFit: tooLarge != nil)
    }

    /// The transfer is over, or holds nothing any more.
    func ended(_ id: UInt64) {
        line.remove(id)
        if grower?.id == id { grower = nil }
        if beside?.id == id { beside = nil }
    }

    /// The limit may have been narrowed or widened since a body grew: the one that has more than half of a
    /// narrowed limit stands beside it, and without one no body does.
    private func followLimit() {
        if !isNarrowed {
            grower = grower ?? beside
            beside = nil
        } else if beside == nil, let large = grower, large.bytes > limitBytes / 2 {
            beside = large
            grower = nil
        }
    }

    /// Half of the memory is for all; the other half for one body at a time, which can then grow to its end.
    /// If all could grow into it at once, none might come to its end. While the limit is narrowed this is so
    /// for the bodies that need no more than half of it; one that needs more grows beside it, one at a time.
    private func take(
        _ bytes: Int, for id: UInt64, holding heldBytes: Int, isBehindLarge: Bool
    ) -> Bool {
        if isBehindLarge, heldBytes == 0 { return false }
        followLimit()
        let limit = limitBytes
        let usedBytes = memory.usedBytes(of: .bodies)
        let holder = Holder(id: id, bytes: heldBytes + bytes)
        if isNarrowed, beside?.id == id || holder.bytes > limit / 2 {
            // The upper half is for others while it waits.
            if grower?.id == id { grower = nil }
            guard beside == nil || beside?.id == id, usedBytes - heldBytes <= limit,
                memory.charge(bytes, to: .bodies, withinWhole: true)
            else { return false }
            beside = holder
            return true
        }
        guard fits(bytes, for: id, usedBytes: usedBytes),
            memory.charge(bytes, to: .bodies, withinWhole: isNarrowed)
        else { return false }
        let isLow = usedBytes - (beside?.bytes ?? 0) + bytes <= limit / 2
        if !isLow || grower?.id == id { grower = holder }
        return true
    }

    /// Whether the limit has room for a body that does not stand beside it.
    private func fits(_ bytes: Int, for id: UInt64, usedBytes: Int) -> Bool {
        let bytesThen = usedBytes - (beside?.bytes ?? 0) + bytes
        return bytesThen <= limitBytes / 2
            || (bytesThen <= limitBytes && (grower == nil || grower?.id == id))
    }

    // MARK: - Who holds others up

    /// So long may a large body hold others up: half of the usual scrape timeout.
    static let holdUpNs: UInt64 = 5_000_000_000

    /// The holders of slots that are to give way while the limit is narrowed: their senders have stalled, and
    /// others wait for the slot, or for memory of which they have more than their part.
    func stalled() -> [UInt64] {
        guard isNarrowed, hasWaiters else { return [] }
        return slots.stalled(
            atMost: slots.waiterCount + line.count,
            beyondBytes: slots.hasWaiters ? 0 : limitBytes / slots.capacity)
    }

    /// The body for which others have waited too long while the limit is narrowed. To be asked again and
    /// again while somebody waits, each time when nobody in line can be granted more.
    func holdsUpTooLong(nowNs: UInt64) -> UInt64? {
        guard let id = holdsUp else {
            heldUpBy = nil
            return nil
        }
        guard let since = heldUpBy, since.id == id else {
            heldUpBy = HoldUp(id: id, sinceNs: nowNs)
            return nil
        }
        return nowNs >= since.sinceNs + Self.holdUpNs ? id : nil
    }

    /// The large body for which smaller ones wait: it goes first and needs what others have to give back, or
    /// it stands beside the limit and leaves too little of the whole one, or all others wait as well.
    private var holdsUp: UInt64? {
        guard isNarrowed else { return nil }
        if let large = largeInLine {
            return line.waiting.contains { $0.id != large && $0.heldBytes == 0 } ? large : nil
        }
        guard let beside else { return nil }
        let usedBytes = memory.usedBytes(of: .bodies)
        let others = line.waiting.filter { $0.id != beside.id }
        let allWait = others.reduce(0) { $0 + $1.heldBytes } >= usedBytes - beside.bytes
        let isHeldUp = others.contains { next in
            next.heldBytes + next.bytes <= limitBytes / 2
                && (allWait || fits(next.bytes, for: next.id, usedBytes: usedBytes))
        }
        return isHeldUp ? beside.id : nil
    }
}
