internal import Platform

/// What the transfers of one client share about bodies. Transfer thread only, but for the pool and the
/// account.
final class BodyAdmission {
    /// What bodies may hold and do hold at one moment, for one decision: other threads give memory back, and
    /// change the limit, at any time.
    private struct Room {
        let limitBytes: Int
        let wholeBytes: Int
        var usedBytes: Int
        /// Who may grow into the upper half of the memory.
        var grower: UInt64?
        /// Who stands beside a narrowed limit, and what it holds.
        var beside: UInt64?
        var besideBytes = 0

        var isNarrowed: Bool { limitBytes < wholeBytes }

        /// Whether a body that holds `bytes` is one that stands beside a narrowed limit.
        func isLarge(_ id: UInt64, _ bytes: Int) -> Bool {
            isNarrowed && (beside == id || bytes > limitBytes / 2)
        }

        /// Whether a body that holds `heldBytes` may take `bytes` more.
        ///
        /// Half of the memory is for all; the other half for one body at a time, which can then grow to its
        /// end. If all could grow into it at once, none might come to its end. While the limit is narrowed
        /// this is so for the bodies that need no more than half of it; one that needs more grows beside it,
        /// one at a time.
        func has(_ bytes: Int, for id: UInt64, holding heldBytes: Int) -> Bool {
            guard bytes <= max(limitBytes, wholeBytes) - usedBytes else { return false }
            if isLarge(id, heldBytes + bytes) {
                return (beside == nil || beside == id) && usedBytes - heldBytes <= limitBytes
            }
            let thenBytes = usedBytes - besideBytes + bytes
            return thenBytes <= limitBytes / 2
                || (thenBytes <= limitBytes && (grower == nil || grower == id))
        }

        /// What there will be once this body has given `heldBytes` back.
        func without(_ id: UInt64, _ heldBytes: Int) -> Room {
            var room = self
            room.usedBytes -= heldBytes
            if room.grower == id { room.grower = nil }
            if room.beside == id {
                room.beside = nil
                room.besideBytes = 0
            }
            return room
        }
    }

    var slots: BodySlots
    private(set) var line = MemoryLine()
    let memory: MemoryAccount
    let pool: BodyPool
    /// Transfers to be paused once libcurl has returned.
    var toPause: [UInt64] = []
    /// What is charged for the body of each transfer, until its consumer has it.
    private var holders: [UInt64: Int] = [:]
    /// Who may grow into the upper half of the memory.
    private var grower: UInt64?
    /// While the limit is narrowed: the one body that is not counted in it. It needs more than half of the
    /// narrowed limit, or did when it took the place, and the others go on sharing that limit meanwhile. When
    /// all that hold memory wait, one that needs less may have the place (`wayOn`).
    private var beside: UInt64?
    private let clock: any AgentClock

    init(
        slots: BodySlots, pool: BodyPool, memory: MemoryAccount = MemoryAccount(),
        clock: any AgentClock = SystemClock()
    ) {
        self.slots = slots
        self.pool = pool
        self.memory = memory
        self.clock = clock
    }

    var nowNs: UInt64 { clock.monotonicNs }

    /// Somebody waits for a slot or for memory.
    var hasWaiters: Bool { slots.hasWaiters || !line.isEmpty }

    /// Bytes charged for the body of a transfer.
    func heldBytes(_ id: UInt64) -> Int { holders[id] ?? 0 }

    /// Charges memory for a body whose transfer has time until `deadlineNs`. False: it waits in line.
    func charge(_ bytes: Int, for id: UInt64, untilNs deadlineNs: UInt64 = .max) -> Bool {
        var room = followLimit()
        let heldBytes = heldBytes(id)
        let letsOthersGo = heldBytes == 0 && largeInLine(room) != nil
        if !letsOthersGo, take(bytes, for: id, holding: heldBytes, &room) { return true }
        let nowNs = nowNs
        line.add(
            id, bytes, heldBytes: heldBytes, nowNs: nowNs,
            patienceNs: Self.patienceNs(leftNs: deadlineNs - min(nowNs, deadlineNs)))
        return false
    }

    /// The next in line whose charge fits; it has been charged.
    func nextGranted() -> (id: UInt64, bytes: Int)? {
        guard !line.isEmpty else { return nil }
        var room = followLimit()
        let large = largeInLine(room)
        for index in line.waiting.indices {
            let next = line.waiting[index]
            if let large, index > large, next.heldBytes == 0 { continue }
            if take(next.bytes, for: next.id, holding: next.heldBytes, &room) {
                line.remove(at: index)
                return (next.id, next.bytes)
            }
        }
        return nil
    }

    /// What one body may hold: the limit that is not narrowed. A narrowed one says how many bodies are
    /// received at a time, and no body fails at once because it is larger.
    var mostOfOneBytes: Int {
        max(memory.wholeLimitBytes(of: .bodies), memory.limitBytes(of: .bodies))
    }

    /// What a body of `size` bytes asks for at most. What is perhaps not needed is not asked for where that
    /// would make it a body that stands beside a narrowed limit, or one that is beyond it.
    func mostAskedBytes(size: Int) -> Int {
        let limit = memory.limitBytes(of: .bodies)
        guard limit < memory.wholeLimitBytes(of: .bodies), size <= limit else { return mostOfOneBytes }
        return size <= limit / 2 ? limit / 2 : limit
    }

    /// Where in line one is that may stand beside the narrowed limit, and does not fit into the whole limit
    /// together with as much as the others may have. Bodies behind it that hold nothing yet let it go first,
    /// or there would never be room for it.
    private func largeInLine(_ room: Room) -> Int? {
        guard room.isNarrowed else { return nil }
        let most = max(room.wholeBytes - room.limitBytes, room.limitBytes / 2)
        return line.waiting.firstIndex {
            (room.beside == nil || room.beside == $0.id) && $0.bytes > most - $0.heldBytes
        }
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
    func wayOn(takesPart: (UInt64) -> Bool) -> WayOn? {
        let room = followLimit()
        guard let longest = line.victim(usedBytes: room.usedBytes) else { return nil }
        let limit = max(room.wholeBytes, room.limitBytes)
        let leftBytes = limit - room.usedBytes
        func next(_ holder: UInt64?) -> MemoryLine.Entry? {
            // Who has nothing yet can wait.
            let waiting = line.waiting.filter { (holder == nil || holder == $0.id) && $0.heldBytes > 0 }
            return waiting.first { leftBytes >= $0.bytes }
                ?? waiting.first { takesPart($0.id) && leftBytes >= Self.partBytes }
        }
        let large = room.isNarrowed ? next(beside) : nil
        if let next = large ?? next(grower) {
            let bytes = min(next.bytes, leftBytes)
            memory.change(.bodies, by: bytes)
            holders[next.id] = next.heldBytes + bytes
            if large == nil {
                grower = next.id
            } else {
                beside = next.id
                if grower == next.id { grower = nil }
            }
            line.remove(next.id)
            return .goesOn(next.id, bytes: bytes)
        }
        let tooLarge = line.waiting.first {
            $0.heldBytes > 0 && $0.heldBytes + (takesPart($0.id) ? Self.partBytes : $0.bytes) > limit
        }
        return .givesWay(tooLarge?.id ?? longest, cannotFit: tooLarge != nil)
    }

    /// The transfer is over, or holds nothing any more.
    func ended(_ id: UInt64) {
        line.remove(id)
        holders[id] = nil
        if grower == id { grower = nil }
        if beside == id { beside = nil }
    }

    /// The limit may have been narrowed or widened since bodies grew: of those that have more than half of a
    /// narrowed limit the largest stands beside it, and beside a limit that is not narrowed no body does.
    private func followLimit() -> Room {
        var room = Room(
            limitBytes: memory.limitBytes(of: .bodies), wholeBytes: memory.wholeLimitBytes(of: .bodies),
            usedBytes: memory.usedBytes(of: .bodies))
        if !room.isNarrowed {
            grower = grower ?? beside
            beside = nil
        } else if beside == nil, room.usedBytes > room.limitBytes / 2,
            // Of two that have as much the one that came first.
            let largest = holders.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }),
            largest.value > room.limitBytes / 2
        {
            beside = largest.key
            if grower == largest.key { grower = nil }
        }
        room.grower = grower
        room.beside = beside
        room.besideBytes = beside.map(heldBytes) ?? 0
        return room
    }

    /// Charges a body for `bytes` more if there is room for them.
    private func take(_ bytes: Int, for id: UInt64, holding heldBytes: Int, _ room: inout Room) -> Bool {
        let isLarge = room.isLarge(id, heldBytes + bytes)
        if isLarge, grower == id {
            // The upper half is for others while it waits.
            grower = nil
            room.grower = nil
        }
        guard room.has(bytes, for: id, holding: heldBytes),
            memory.charge(bytes, to: .bodies, withinWhole: room.isNarrowed)
        else { return false }
        holders[id] = heldBytes + bytes
        if isLarge {
            beside = id
        } else if room.usedBytes - room.besideBytes + bytes > room.limitBytes / 2 {
            grower = id
        }
        return true
    }

    // MARK: - Who holds others up

    /// So long may large bodies hold another one up: half of the usual scrape timeout.
    static let holdUpNs: UInt64 = 5_000_000_000
    /// So long they may in any case.
    static let leastHoldUpNs: UInt64 = 1_000_000_000

    /// So long may large bodies hold one up that has `leftNs` when it begins to wait. Half of that is left to
    /// it then.
    private static func patienceNs(leftNs: UInt64) -> UInt64 {
        min(holdUpNs, max(leastHoldUpNs, leftNs / 2))
    }

    /// Takes the slots of slow senders away while other bodies wait. Returns the transfers that have lost
    /// theirs (`BodySlots.takeSlotsOfSlowSenders`).
    func takeSlotsOfSlowSenders() -> [UInt64] {
        for next in line.waiting { slots.waitsForMemory(next.id) }
        return slots.takeSlotsOfSlowSenders(
            nowNs: nowNs, othersWait: !line.isEmpty, leftBytes: leftWithoutSlot
        ).map(\.id)
    }

    /// The holders of slots that are to give way while the limit is narrowed: their senders have stalled, and
    /// others wait for the slot, or for memory of which they have more than their part. All of them with
    /// their parts would leave a part of the lower half free, and none with no more keeps the upper half. Who
    /// has no more than its part gives way only when all others that hold memory wait.
    func stalled() -> [UInt64] {
        guard hasWaiters else { return [] }
        var room = followLimit()
        guard room.isNarrowed else { return [] }
        let partBytes = room.limitBytes / 2 / slots.capacity
        let stalled = slots.stalled(atMost: slots.capacity, beyondBytes: -1, heldBytes: heldBytes)
        guard !stalled.isEmpty else { return [] }
        if let id = grower, stalled.contains(id), heldBytes(id) <= partBytes {
            grower = nil
            room.grower = nil
        }
        // A large one that waits for the place beside the limit gets it from who has it, and from no other.
        var helped =
            slots.waiterCount
            + line.waiting.count(where: {
                !room.has($0.bytes, for: $0.id, holding: $0.heldBytes)
                    && (room.beside == nil || room.beside == $0.id
                        || $0.heldBytes + $0.bytes <= room.limitBytes / 2)
            })
        let stalledBytes = stalled.reduce(0) { $0 + heldBytes($1) }
        let sparesParts = !slots.hasWaiters && line.heldBytes + stalledBytes < room.usedBytes
        return stalled.filter { id in
            if id == room.beside { return true }
            if sparesParts, heldBytes(id) <= partBytes { return false }
            helped -= 1
            return helped >= 0
        }
    }

    /// The body for which another one has waited for too long while the limit is narrowed. To be asked again
    /// and again while somebody waits for memory, each time when nobody in line can be granted more.
    func holdsUpTooLong() -> UInt64? {
        let room = followLimit()
        let nowNs = nowNs
        let holdUps = room.isNarrowed ? holdUps(room) : []
        var tooLong: UInt64?
        for index in line.waiting.indices {
            let next = line.waiting[index]
            let holder = holdUps.first { $0.holdsUp(next, at: index) }
            if line.look(at: index, isHeldUp: holder != nil, nowNs: nowNs), tooLong == nil {
                tooLong = holder?.id
            }
        }
        return tooLong
    }

    /// A body that may hold others up.
    private struct HoldUp {
        let id: UInt64
        /// The memory that other bodies have once this body has ended.
        let room: Room
        /// Where it is in line itself, when it is to go first; those behind it that hold nothing wait for it.
        var index: Int?
        /// All others that hold memory wait.
        var allWait = false

        func holdsUp(_ next: MemoryLine.Entry, at nextIndex: Int) -> Bool {
            guard next.id != id else { return false }
            if let index {
                guard nextIndex > index, next.heldBytes == 0 else { return false }
            } else if next.heldBytes + next.bytes > room.limitBytes / 2 {
                // Large ones wait for each other.
                return false
            }
            return allWait || room.has(next.bytes, for: next.id, holding: next.heldBytes)
        }
    }

    /// The large bodies for which smaller ones may have to wait: the one that goes first, as it needs what
    /// others have to give back; the one beside the limit, which leaves too little of the whole one, or for
    /// whose end all others wait; and the largest of those that had more than half of the limit before it was
    /// narrowed, and for which there is no place beside it.
    private func holdUps(_ room: Room) -> [HoldUp] {
        var holdUps: [HoldUp] = []
        if let index = largeInLine(room) {
            let large = line.waiting[index]
            holdUps.append(
                HoldUp(id: large.id, room: room.without(large.id, large.heldBytes), index: index))
        }
        guard let beside = room.beside else { return holdUps }
        let waitingBytes = line.waiting.reduce(0) { $1.id == beside ? $0 : $0 + $1.heldBytes }
        holdUps.append(
            HoldUp(
                id: beside, room: room.without(beside, room.besideBytes),
                allWait: waitingBytes >= room.usedBytes - room.besideBytes))
        let others = holders.filter { $0.key != beside && $0.value > room.limitBytes / 2 }
        guard let largest = others.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else {
            return holdUps
        }
        holdUps.append(
            HoldUp(id: largest.key, room: others.reduce(room) { $0.without($1.key, $1.value) }))
        return holdUps
    }
}
