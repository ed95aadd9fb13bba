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
    /// The most entries since room was last given back.
    private var mostEntries = 0

    /// When the next one is due; nil without any.
    var nextNs: UInt64? { heap.min?.deadlineNs }
    var isEmpty: Bool { heap.isEmpty }

    /// For how many entries there is room.
    var room: Int { heap.unordered.capacity }

    mutating func insert(_ entry: Entry) {
        heap.insert(entry)
        mostEntries = max(mostEntries, heap.count)
    }

    /// Takes the next one, if its time has come.
    mutating func popDue(nowNs: UInt64) -> Entry? {
        guard let next = heap.min, next.deadlineNs <= nowNs else { return nil }
        return heap.removeMin()
    }

    /// Gives back the room of a queue that once had more than twice as many entries.
    mutating func giveBackRoom() {
        guard mostEntries > 2 * heap.count else { return }
        // One by one: a heap that is made of an array of one entry or none keeps the array's room.
        var fresh = Heap<Entry>(minimumCapacity: heap.count)
        for entry in heap.unordered { fresh.insert(entry) }
        heap = fresh
        mostEntries = heap.count
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
