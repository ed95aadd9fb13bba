/// Well-formed UTF-8 as RFC 3629 and Go's utf8.Valid have it: no overlong forms, no surrogates, nothing above
/// U+10FFFF.
enum UTF8Check {
    static func isValid(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= bytes.byteCount, "the range lies in the bytes")
        var offset = range.lowerBound
        let end = range.upperBound
        while offset < end {
            // Mostly all of it is ASCII.
            if offset + 8 <= end, bytes.uncheckedWord64(offset) & 0x8080_8080_8080_8080 == 0 {
                offset += 8
                continue
            }
            let first = bytes.uncheckedByte(offset)
            offset += 1
            if first < 0x80 { continue }
            // The second byte's range is narrower for some first bytes (Unicode, table 3-7).
            let following: Int
            var low: UInt8 = 0x80
            var high: UInt8 = 0xBF
            switch first {
            case 0xC2...0xDF: following = 1
            case 0xE0...0xEF:
                following = 2
                if first == 0xE0 { low = 0xA0 }
                if first == 0xED { high = 0x9F }
            case 0xF0...0xF4:
                following = 3
                if first == 0xF0 { low = 0x90 }
                if first == 0xF4 { high = 0x8F }
            default: return false
            }
            guard end - offset >= following else { return false }
            guard (low...high).contains(bytes.uncheckedByte(offset)) else { return false }
            for index in 1..<max(1, following) where bytes.uncheckedByte(offset + index) & 0xC0 != 0x80 {
                return false
            }
            offset += following
        }
        return true
    }
}
