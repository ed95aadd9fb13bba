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
    /// What bodies might hold at the beginning. The limit may be less for a time, while memory is scarce.
    private let wholeLimitBytes: Int
    private let clock = SystemClock()

    init(slots: BodySlots, pool: BodyPool, memory: MemoryAccount = MemoryAccount()) {
        self.slots = slots
        self.pool = pool
        self.memory = memory
        wholeLimitBytes = memory.limitBytes(of: .bodies)
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

    /// Whether a body that waits for a slot may take so many bytes more. While the limit of the memory
    /// account is narrowed, what such bodies may hold together is narrowed by as much. Who may not take more
    /// waits for its slot with what it has.
    func mayWait(with bytes: Int) -> Bool {
        let limit = memory.limitBytes(of: .bodies)
        guard limit < wholeLimitBytes else { return true }
        let narrowed = Double(slots.bytesLimit) * (Double(limit) / Double(wholeLimitBytes))
        return slots.unslottedBytes + bytes <= Int(narrowed)
    }

    /// How those that wait come on when they hold all memory that is in use, so that none of them gets more.
    enum WayOn: Equatable {
        /// This one has been charged what it waits for, or a part of it, although that may not fit.
        case goesOn(UInt64, bytes: Int)
        /// This one must give up its body.
        case givesWay(UInt64)
    }

    /// A part of what a body waits for that is of use: less would soon be asked for again.
    static let partBytes = 64 << 10

    /// Nil while others hold memory, which they will give back. `takesPart` says whether a part of what the
    /// body waits for is of use to it.
    ///
    /// A body asks for more than it may need. One after the other gets what is left of the limit. Where the
    /// limit was narrowed below what is held, it may grow up to half of the limit all the same, or up to the
    /// limit while more than that is held: then more is held for a while, by one body at most, and less once
    /// that has ended. If that helps nobody, one gives way: one that cannot fit any more, or the longest.
    func wayOn(heldBytes: (UInt64) -> Int, takesPart: (UInt64) -> Bool) -> WayOn? {
        let usedBytes = memory.usedBytes(of: .bodies)
        guard let longest = line.victim(usedBytes: usedBytes, heldBytes: heldBytes) else { return nil }
        let limit = memory.limitBytes(of: .bodies)
        // With a limit that was not narrowed this is within it: what all others hold is in the lower half.
        let mostOfOne = usedBytes > limit ? limit : limit / 2
        func room(_ id: UInt64) -> Int {
            let held = heldBytes(id)
            // Who has nothing yet can wait.
            guard held > 0, grower == nil || grower == id else { return 0 }
            return max(limit - usedBytes, mostOfOne - held)
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
        return .givesWay(large?.id ?? longest)
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
