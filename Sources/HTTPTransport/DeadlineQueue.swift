/// Exchanges that wait for their time, the next one first: a binary heap, 40 bytes a target where a sleeping
/// task takes a kilobyte.
struct DeadlineQueue {
    /// One that waits.
    struct Entry {
        let id: UInt64
        let deadlineNs: UInt64
        let exchange: any HTTPExchange

        fileprivate func precedes(_ other: Entry) -> Bool {
            // Those of one time in the order they came.
            (deadlineNs, id) < (other.deadlineNs, other.id)
        }
    }

    private var heap: [Entry] = []

    /// When the next one is due; nil without any.
    var nextNs: UInt64? { heap.first?.deadlineNs }
    var isEmpty: Bool { heap.isEmpty }

    mutating func insert(_ entry: Entry) {
        heap.append(entry)
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].precedes(heap[parent]) else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    /// Takes the next one, if its time has come.
    mutating func popDue(nowNs: UInt64) -> Entry? {
        guard let first = heap.first, first.deadlineNs <= nowNs else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        sink(from: 0)
        return first
    }

    /// Takes out those with these numbers. One pass, whatever their number: all go at once when an agent
    /// stops.
    mutating func remove(_ ids: Set<UInt64>) -> [Entry] {
        let removed = heap.filter { ids.contains($0.id) }
        guard !removed.isEmpty else { return [] }
        heap.removeAll { ids.contains($0.id) }
        for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(from: index) }
        return removed
    }

    /// Takes out all.
    mutating func removeAll() -> [Entry] {
        defer { heap = [] }
        return heap
    }

    private mutating func sink(from start: Int) {
        var index = start
        while true {
            var least = index
            for child in (2 * index + 1)...(2 * index + 2)
            where child < heap.count && heap[child].precedes(heap[least]) { least = child }
            guard least != index else { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}
