/// Names a series by a hash of its labels. 64 bits tell a million series apart but once in forty million
/// runs.
enum SeriesKey {
    /// Of labels whose text lies in `text`, one behind the other.
    static func of(_ text: [UInt8], _ labels: ArraySlice<DecodedRequest.Label>) -> UInt64 {
        guard let first = labels.first, let last = labels.last else { return 0 }
        var hash = UInt64(labels.count) ^ 0x9E37_79B9_7F4A_7C15
        // The lengths say where names and values end, so that `a="bc"` and `ab="c"` differ.
        for label in labels {
            mix(&hash, UInt64(label.nameEnd - label.start) << 32 | UInt64(label.valueEnd - label.nameEnd))
        }
        // Safety: the range lies in the array, as the slice's bounds check shows, and loads stay inside it.
        unsafe text[first.start..<last.valueEnd].withUnsafeBytes { bytes in
            var offset = 0
            while offset + 8 <= bytes.count {
                mix(&hash, unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                offset += 8
            }
            var rest: UInt64 = 0
            while offset < bytes.count {
                rest = rest << 8 | UInt64(unsafe bytes[offset])
                offset += 1
            }
            mix(&hash, rest)
        }
        return hash
    }

    /// Of labels in any order.
    static func of(_ labels: [(name: String, value: String)]) -> UInt64 {
        var text: [UInt8] = []
        let places = labels.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }.map { label in
            let start = text.count
            text += label.name.utf8
            let nameEnd = text.count
            text += label.value.utf8
            return DecodedRequest.Label(start: start, nameEnd: nameEnd, valueEnd: text.count)
        }
        return of(text, places[...])
    }

    /// Of a range of bytes, whatever they mean. Two chains side by side, since each product waits for the one
    /// before.
    static func ofBytes(_ message: Span<UInt8>, _ range: Range<Int>, seed: UInt64) -> UInt64 {
        var left = seed ^ UInt64(range.count)
        var right = seed &+ 0x9E37_79B9_7F4A_7C15
        // Safety: the range is checked once, and every load stays inside it.
        unsafe message.extracting(range).withUnsafeBytes { bytes in
            var offset = 0
            while offset + 16 <= bytes.count {
                mix(&left, unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                mix(&right, unsafe bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
                offset += 16
            }
            var rest: UInt64 = 0
            while offset < bytes.count {
                rest = rest << 8 | UInt64(unsafe bytes[offset])
                offset += 1
                // Fifteen bytes at most are left: eight, then the others.
                if bytes.count - offset == 7 {
                    mix(&left, rest)
                    rest = 0
                }
            }
            mix(&left, rest)
        }
        mix(&left, right)
        return left
    }

    /// Eight bytes, little-endian.
    @inline(__always)
    static func word(_ message: Span<UInt8>, at offset: Int) -> UInt64 {
        // Safety: the range is checked, and the load reads all of it and no more.
        unsafe message.extracting(offset..<offset + 8).withUnsafeBytes { bytes in
            UInt64(littleEndian: unsafe bytes.loadUnaligned(as: UInt64.self))
        }
    }

    /// The 128-bit product folded, as wyhash does it.
    @inline(__always)
    private static func mix(_ hash: inout UInt64, _ word: UInt64) {
        let product = (hash ^ word ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        hash = product.high ^ product.low ^ (hash &<< 1 | hash &>> 63)
    }
}
