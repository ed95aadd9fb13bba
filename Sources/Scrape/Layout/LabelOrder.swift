/// Label names in byte order.
enum LabelOrder {
    /// The first eight bytes as a number, the first of them highest. Where the keys of two names differ, the
    /// names are in their order; where they are equal, the names may differ still.
    @inline(__always)
    static func key(_ text: [UInt8], _ name: Range<Int>) -> UInt64 {
        precondition(name.lowerBound >= 0 && name.upperBound <= text.count, "the name lies in the text")
        // Safety: bytes have no padding, so every one of the span's may be read.
        let text = unsafe text.span.bytes
        let count = name.count
        if count == 0 { return 0 }
        if name.lowerBound + 8 <= text.byteCount {
            let word = text.uncheckedWord64(name.lowerBound).byteSwapped
            return count >= 8 ? word : word & ~(UInt64.max >> UInt64(8 * count))
        }
        var key: UInt64 = 0
        for index in 0..<8 {
            key <<= 8
            if index < count { key |= UInt64(text.uncheckedByte(name.lowerBound + index)) }
        }
        return key
    }

    /// Negative, 0 or positive.
    static func compare(
        _ text: [UInt8], _ left: Range<Int>, _ other: [UInt8], _ right: Range<Int>
    ) -> Int {
        let (names, others) = (text.span.extracting(left), other.span.extracting(right))
        for index in 0..<min(names.count, others.count) {
            let (first, second) = (names[index], others[index])
            if first != second { return first < second ? -1 : 1 }
        }
        return left.count - right.count
    }
}
