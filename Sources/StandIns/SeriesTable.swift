/// Numbers by 64-bit key: a flat table with open addressing, at most half full.
struct SeriesTable {
    private static let free = UInt32.max

    private var keys: [UInt64]
    private var numbers: [UInt32]
    private(set) var count = 0

    init() {
        keys = Array(repeating: 0, count: 1_024)
        numbers = Array(repeating: Self.free, count: 1_024)
    }

    subscript(key: UInt64) -> Int? {
        let slot = slot(of: key)
        return numbers[slot] == Self.free ? nil : Int(numbers[slot])
    }

    /// Sets the number of a key; it is less than `UInt32.max`.
    mutating func set(_ key: UInt64, to number: Int) {
        if (count + 1) * 2 > keys.count { grow() }
        let slot = slot(of: key)
        if numbers[slot] == Self.free { count += 1 }
        keys[slot] = key
        numbers[slot] = UInt32(number)
    }

    /// Where the key stands, or the free slot where it would.
    private func slot(of key: UInt64) -> Int {
        let mask = keys.count - 1
        // Keys are hashes, so their lowest bits are as good as any.
        var slot = Int(truncatingIfNeeded: key) & mask
        while numbers[slot] != Self.free, keys[slot] != key { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func grow() {
        let (oldKeys, oldNumbers) = (keys, numbers)
        keys = Array(repeating: 0, count: oldKeys.count * 2)
        numbers = Array(repeating: Self.free, count: oldKeys.count * 2)
        for (key, number) in zip(oldKeys, oldNumbers) where number != Self.free {
            let slot = slot(of: key)
            keys[slot] = key
            numbers[slot] = number
        }
    }
}
