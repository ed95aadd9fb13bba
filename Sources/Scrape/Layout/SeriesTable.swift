/// A table from series hashes to a number each, for the comparisons that a changed layout asks for. Open
/// addressing with linear probing; the hashes are keyed, so they spread.
struct SeriesTable {
    private var hashes: [UInt64]
    private var numbers: [UInt32]
    private let mask: Int
    /// Slots in use; at most half of them, so that every search meets an empty one.
    private(set) var count = 0

    /// A table for up to `count` series.
    init(capacity count: Int) {
        var size = 16
        while size < count * 2 { size *= 2 }
        hashes = Array(repeating: 0, count: size)
        numbers = Array(repeating: 0, count: size)
        mask = size - 1
    }

    /// The series of `chunks`, each with the ordinal of the first line that has it.
    init(of chunks: [TemplateChunk], _ schema: TargetSchema) {
        self.init(capacity: chunks.reduce(0) { $0 + $1.seriesCount })
        var ordinal: UInt32 = 0
        for chunk in chunks {
            for hash in chunk.seriesHashes(of: schema) {
                _ = insert(hash, ordinal)
                ordinal += 1
            }
        }
    }

    /// Sets the number of a series unless it has one; the one it had, or nil when it is new.
    mutating func insert(_ hash: UInt64, _ number: UInt32) -> UInt32? {
        let (slot, found) = find(hash)
        if found { return numbers[slot] }
        count += 1
        precondition(count <= hashes.count / 2, "the table was made for as many series as it takes")
        hashes[slot] = Self.key(hash)
        numbers[slot] = number
        return nil
    }

    /// The number of a series; nil when it is not there.
    @inline(__always)
    func number(of hash: UInt64) -> UInt32? {
        let (slot, found) = find(hash)
        return found ? numbers[slot] : nil
    }

    @inline(__always)
    private func find(_ hash: UInt64) -> (slot: Int, found: Bool) {
        let key = Self.key(hash)
        var slot = Int(truncatingIfNeeded: key) & mask
        while hashes[slot] != 0 {
            if hashes[slot] == key { return (slot, true) }
            slot = (slot + 1) & mask
        }
        return (slot, false)
    }

    /// Zero marks an empty slot.
    private static func key(_ hash: UInt64) -> UInt64 { hash == 0 ? 1 : hash }
}
