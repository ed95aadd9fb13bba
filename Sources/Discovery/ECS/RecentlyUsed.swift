/// A bounded dictionary that lets go of what was not asked for the longest.
struct RecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        var value: Value
        var usedAt: UInt64
    }

    private let limit: Int
    private var entries: [Key: Entry] = [:]
    private var uses: UInt64 = 0

    init(limit: Int) {
        precondition(limit > 0, "a cache holds something")
        self.limit = limit
    }

    var count: Int { entries.count }

    /// Counts as a use.
    mutating func value(_ key: Key) -> Value? {
        uses += 1
        entries[key]?.usedAt = uses
        return entries[key]?.value
    }

    mutating func set(_ key: Key, _ value: Value) {
        uses += 1
        if entries[key] == nil, entries.count >= limit {
            // Looked for only when full, and then an entry was paid for by a call to AWS.
            if let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt }) {
                entries[oldest.key] = nil
            }
        }
        entries[key] = Entry(value: value, usedAt: uses)
    }
}
