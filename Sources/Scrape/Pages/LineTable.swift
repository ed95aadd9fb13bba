/// Where lines stand, by their hashes. Made once for a page in which lines have moved; open addressing, at
/// most half full.
struct LineTable {
    /// One more than a line's index; 0 for an empty slot.
    private var slots: [UInt32]
    private let mask: Int

    init(_ hashes: [UInt64]) {
        var size = 16
        while size < hashes.count * 2 { size *= 2 }
        slots = Array(repeating: 0, count: size)
        mask = size - 1
        for index in hashes.indices {
            var slot = Int(truncatingIfNeeded: hashes[index]) & mask
            // Of equal lines the first is kept, so that a page of equal lines makes no chains.
            while slots[slot] != 0, hashes[Int(slots[slot]) - 1] != hashes[index] { slot = (slot + 1) & mask }
            if slots[slot] == 0 { slots[slot] = UInt32(index + 1) }
        }
    }

    /// The first line of this hash.
    func line(of hash: UInt64, in hashes: [UInt64]) -> Int? {
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let line = Int(slots[slot]) - 1
            if hashes[line] == hash { return line }
            slot = (slot + 1) & mask
        }
        return nil
    }
}
