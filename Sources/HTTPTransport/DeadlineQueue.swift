internal import HeapModule

/// Exchanges that wait for their time, the next one first: a heap, 40 bytes a target where a sleeping task
/// takes a kilobyte.
struct DeadlineQueue {
    /// One that waits. No two have the same id.
    struct Entry: Comparable {
        let id: UInt64
        let deadlineNs: UInt64
        let exchange: any HTTPExchange

        /// By time, and those of one time in the order they came.
        static func < (left: Entry, right: Entry) -> Bool {
            (left.deadlineNs, left.id) < (right.deadlineNs, right.id)
        }

        static func == (left: Entry, right: Entry) -> Bool { left.id == right.id }
    }

    private var heap = Heap<Entry>()

    /// When the next one is due; nil without any.
    var nextNs: UInt64? { heap.min?.deadlineNs }
    var isEmpty: Bool { heap.isEmpty }

    mutating func insert(_ entry: Entry) { heap.insert(entry) }

    /// Takes the next one, if its time has come.
    mutating func popDue(nowNs: UInt64) -> Entry? {
        guard let next = heap.min, next.deadlineNs <= nowNs else { return nil }
        return heap.removeMin()
    }

    /// Takes out those with these numbers. One pass, whatever their number: all go at once when an agent
    /// stops.
    mutating func remove(_ ids: Set<UInt64>) -> [Entry] {
        let removed = heap.unordered.filter { ids.contains($0.id) }
        if !removed.isEmpty { heap.removeAll { ids.contains($0.id) } }
        return removed
    }

    /// Takes out all.
    mutating func removeAll() -> [Entry] {
        defer { heap = Heap() }
        return heap.unordered
    }
}
