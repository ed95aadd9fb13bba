internal import MetricModel

/// The strings of one request of remote write 2.0, each once, as the request has them: `symbols` fields, the
/// first of which is the empty string.
struct SymbolTable {
    /// Tag and length of `Request.symbols` with an empty string.
    private static let tag: UInt8 = 0x22

    /// The fields so far, one after the other.
    private(set) var bytes: [UInt8] = [Self.tag, 0]
    /// How many strings there are, the empty one included.
    private(set) var count = 1
    /// Where each string's text begins in `bytes`, and its length.
    private var texts: [(start: Int, count: Int)] = [(2, 0)]
    /// The slot that each string has taken; of the empty one none.
    private var taken: [Int] = [0]
    /// A hash table with open addressing: the index of a string, or 0 where there is none.
    private var slots: [UInt32] = Array(repeating: 0, count: 1_024)

    /// Bytes held, with what is kept for the next request.
    var heldBytes: Int { bytes.capacity + texts.capacity * 16 + taken.capacity * 8 + slots.capacity * 4 }

    /// Leaves the empty string alone.
    mutating func removeAll() { removeLast(to: 1) }

    /// Takes out the strings added since there were `remaining`.
    mutating func removeLast(to remaining: Int) {
        // In the opposite order of adding, so that every string that is left is found as before.
        while count > max(1, remaining) {
            count -= 1
            slots[taken.removeLast()] = 0
            let text = texts.removeLast()
            bytes.removeLast(bytes.count - text.start + 1 + ProtobufWire.varintLength(text.count))
        }
    }

    /// The string's index; it is added where the request does not have it yet. 0 for the empty string.
    mutating func index(of text: Span<UInt8>) -> UInt32 {
        guard !text.isEmpty else { return 0 }
        let hash = Self.hash(text)
        var slot = hash & (slots.count - 1)
        while slots[slot] != 0 {
            if isSame(texts[Int(slots[slot])], text) { return slots[slot] }
            slot = (slot + 1) & (slots.count - 1)
        }
        if count * 2 >= slots.count {
            grow()
            slot = hash & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        }
        let index = UInt32(count)
        slots[slot] = index
        taken.append(slot)
        bytes.append(Self.tag)
        ProtobufWire.appendVarint(UInt64(text.count), to: &bytes)
        texts.append((bytes.count, text.count))
        for place in text.indices { bytes.append(text[place]) }
        count += 1
        return index
    }

    /// Labels come from targets, so that the hash is keyed: none can make all strings fall into one slot.
    private static func hash(_ text: Span<UInt8>) -> Int {
        var hasher = Hasher()
        // Safety: the pointer is used only inside the closure.
        unsafe text.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return hasher.finalize()
    }

    private func isSame(_ known: (start: Int, count: Int), _ text: Span<UInt8>) -> Bool {
        guard known.count == text.count else { return false }
        for place in text.indices where bytes[known.start + place] != text[place] { return false }
        return true
    }

    private mutating func grow() {
        let larger = slots.count * 2
        slots = Array(repeating: 0, count: larger)
        let own = bytes
        for index in 1..<count {
            let text = texts[index]
            var slot = Self.hash(own.span.extracting(text.start..<text.start + text.count)) & (larger - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (larger - 1) }
            slots[slot] = UInt32(index)
            taken[index] = slot
        }
    }
}
