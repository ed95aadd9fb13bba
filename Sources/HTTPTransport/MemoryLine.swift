/// The bodies that wait for memory, in the order they came, and what each wants.
struct MemoryLine {
    private(set) var waiting: [(id: UInt64, bytes: Int)] = []

    var isEmpty: Bool { waiting.isEmpty }
    var count: Int { waiting.count }

    mutating func add(_ id: UInt64, _ bytes: Int) { waiting.append((id, bytes)) }

    mutating func remove(_ id: UInt64) { waiting.removeAll { $0.id == id } }

    /// Who is to give up: when those in line hold all that is held, none of them can go on, and the one that
    /// holds most goes. Nil while others hold something that they will give back.
    func victim(usedBytes: Int, heldBytes: (UInt64) -> Int) -> UInt64? {
        var most: (id: UInt64, bytes: Int)?
        var sum = 0
        for (id, _) in waiting {
            let bytes = heldBytes(id)
            sum += bytes
            if bytes > most?.bytes ?? 0 { most = (id, bytes) }
        }
        return sum >= usedBytes ? most?.id : nil
    }
}
