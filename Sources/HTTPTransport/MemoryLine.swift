/// The bodies that wait for memory, in the order they came.
struct MemoryLine {
    /// A body that waits.
    struct Entry {
        let id: UInt64
        /// What it waits for.
        let bytes: Int
        /// What it holds meanwhile.
        let heldBytes: Int
        /// So long may large bodies hold it up.
        let patienceNs: UInt64
        /// So long they have, of what it has waited.
        fileprivate(set) var heldUpNs: UInt64 = 0
        /// When that was last looked at.
        fileprivate var lookedNs: UInt64
    }

    /// No more than this counts between two looks, 1 s: who looks comes ten times a second, and when that
    /// took longer no body was received either.
    private static let mostBetweenLooksNs: UInt64 = 1_000_000_000

    private(set) var waiting: [Entry] = []

    var isEmpty: Bool { waiting.isEmpty }
    var count: Int { waiting.count }
    /// What all of them hold.
    var heldBytes: Int { waiting.reduce(0) { $0 + $1.heldBytes } }

    /// A body begins to wait at `nowNs`.
    mutating func add(_ id: UInt64, _ bytes: Int, heldBytes: Int, nowNs: UInt64, patienceNs: UInt64) {
        waiting.append(
            Entry(id: id, bytes: bytes, heldBytes: heldBytes, patienceNs: patienceNs, lookedNs: nowNs))
    }

    mutating func remove(_ id: UInt64) { waiting.removeAll { $0.id == id } }

    mutating func remove(at index: Int) { waiting.remove(at: index) }

    /// The time since the last look counts where the body is held up now. True when it has been held up for
    /// as long as it may be.
    mutating func look(at index: Int, isHeldUp: Bool, nowNs: UInt64) -> Bool {
        let sinceNs = min(nowNs - min(nowNs, waiting[index].lookedNs), Self.mostBetweenLooksNs)
        waiting[index].lookedNs = nowNs
        guard isHeldUp else { return false }
        waiting[index].heldUpNs += sinceNs
        return waiting[index].heldUpNs >= waiting[index].patienceNs
    }

    /// The transfer that must give up its body. When those that wait for memory hold all memory that is in
    /// use, none of them can go on, so the one that holds most must end. Nil while others hold memory, which
    /// they will give back.
    func victim(usedBytes: Int) -> UInt64? {
        var most: (id: UInt64, bytes: Int)?
        var sum = 0
        for next in waiting {
            sum += next.heldBytes
            if next.heldBytes > most?.bytes ?? 0 { most = (next.id, next.heldBytes) }
        }
        return sum >= usedBytes ? most?.id : nil
    }
}
