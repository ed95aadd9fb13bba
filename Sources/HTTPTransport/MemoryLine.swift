/// The bodies that wait for memory, in the order they came, what each wants and what it holds.
struct MemoryLine {
    private(set) var waiting: [(id: UInt64, bytes: Int, heldBytes: Int)] = []

    var isEmpty: Bool { waiting.isEmpty }
    var count: Int { waiting.count }

    mutating func add(_ id: UInt64, _ bytes: Int, heldBytes: Int) { waiting.append((id, bytes, heldBytes)) }

    mutating func remove(_ id: UInt64) { waiting.removeAll { $0.id == id } }

    /// The transfer that must give up its body. When those that wait for memory hold all memory that is in
    /// use, none of them can go on, so the one that holds most must end. Nil while others hold memory, which
    /// they will give back.
    func victim(usedBytes: Int, heldBytes: (UInt64) -> Int) -> UInt64? {
        var most: (id: UInt64, bytes: Int)?
        var sum = 0
        for (id, _, _) in waiting {
            let bytes = heldBytes(id)
            sum += bytes
            if bytes > most?.bytes ?? 0 { most = (id, bytes) }
        }
        return sum >= usedBytes ? most?.id : nil
    }
}
