/// Text to Double, exactly rounded, in the grammar that Prometheus' text format takes: Go's ParseFloat
/// without hexadecimal floats and underscores. A value beyond the range of Double is refused, as there.
enum DecimalFloat {
    /// Digits that a UInt64 holds whatever they are.
    private static let maxMantissaDigits = 19
    /// Significant digits that decide the rounding of any Double; 768 do, and a further one stands for the
    /// rest.
    private static let maxExactDigits = 800

    /// The value of the whole `range`, or nil when it is not a number.
    static func parse(_ text: RawSpan, _ range: Range<Int>) -> Double? {
        let end = range.upperBound
        guard range.lowerBound >= 0, range.lowerBound < end, end <= text.byteCount else { return nil }
        var offset = range.lowerBound
        let first = text.uncheckedByte(offset)
        let negative = first == UInt8(ascii: "-")
        let signed = negative || first == UInt8(ascii: "+")
        if signed { offset += 1 }
        guard offset < end else { return nil }

        var mantissa: UInt64 = 0
        var mantissaDigits = 0
        var exponent = 0
        var sawDigit = false
        var sawPoint = false
        var truncated = false
        let mantissaStart = offset
        while offset < end {
            let byte = text.uncheckedByte(offset)
            let digit = byte &- 0x30
            if digit < 10 {
                sawDigit = true
                if mantissaDigits < maxMantissaDigits {
                    // Below 10^19, so neither overflows.
                    mantissa = mantissa &* 10 &+ UInt64(digit)
                    if mantissa != 0 { mantissaDigits += 1 }
                    if sawPoint { exponent -= 1 }
                } else {
                    if digit != 0 { truncated = true }
                    if !sawPoint { exponent += 1 }
                }
            } else if byte == UInt8(ascii: "."), !sawPoint {
                sawPoint = true
            } else {
                break
            }
            offset += 1
        }
        guard sawDigit else { return special(text, mantissaStart, end, negative: negative, signed: signed) }
        let mantissaEnd = offset
        var written = 0
        if offset < end {
            guard let value = exponentPart(text, offset, end) else { return nil }
            written = value
        }
        let magnitude: Double?
        if truncated {
            magnitude = exact(text, mantissaStart..<mantissaEnd, exponent: written)
        } else {
            magnitude = compose(mantissa, exponent + written)
        }
        return magnitude.map { negative ? -$0 : $0 }
    }

    /// `mantissa` × 10^`exponent`; nil beyond the range of Double.
    @inline(__always)
    static func compose(_ mantissa: UInt64, _ exponent: Int) -> Double? {
        // W. D. Clinger, 1990: both factors are exact, so the one operation rounds correctly.
        if mantissa <= 1 << 53 {
            if exponent == 0 { return Double(Int64(truncatingIfNeeded: mantissa)) }
            if exponent < 0, exponent >= -22 {
                return Double(Int64(truncatingIfNeeded: mantissa)) / DecimalTables.exactPowersOfTen[-exponent]
            }
            if exponent > 0, exponent <= 22 {
                return Double(Int64(truncatingIfNeeded: mantissa)) * DecimalTables.exactPowersOfTen[exponent]
            }
        }
        return eiselLemire(mantissa, exponent)
    }

    /// D. Lemire, "Number parsing at a gigabyte per second" (2021), algorithm 1, with N. Mushtak and D.
    /// Lemire, "Fast number parsing without fallback" (2022): no case is left over.
    @inline(never)
    static func eiselLemire(_ mantissa: UInt64, _ exponent: Int) -> Double? {
        if mantissa == 0 || exponent < DecimalTables.smallestPower { return 0 }
        if exponent > DecimalTables.largestPower { return nil }
        let leadingZeros = mantissa.leadingZeroBitCount
        let normal = mantissa << UInt64(leadingZeros)
        let index = 2 * (exponent - DecimalTables.smallestPower)
        var (high, low) = normal.multipliedFullWidth(by: DecimalTables.powersOfFive[index])
        if high & 0x1FF == 0x1FF {
            let second = normal.multipliedFullWidth(by: DecimalTables.powersOfFive[index + 1]).high
            let (sum, overflow) = low.addingReportingOverflow(second)
            low = sum
            if overflow { high &+= 1 }
        }
        let upperBit = Int(high >> 63)
        let shift = UInt64(upperBit + 64 - 52 - 3)
        var bits = high >> shift
        // (152170 + 65536) q / 2^16 is floor(log2(10^q)) for this range of q.
        var biased = ((152_170 + 65_536) * exponent) >> 16 + 63 + upperBit - leadingZeros + 1_023
        if biased <= 0 {
            if 1 - biased >= 64 { return 0 }
            bits >>= UInt64(1 - biased)
            bits = (bits + (bits & 1)) >> 1
            // A subnormal that rounds up to the smallest normal number has the right bits of itself.
            return Double(bitPattern: bits)
        }
        if low <= 1, exponent >= -4, exponent <= 23, bits & 3 == 1, bits << shift == high {
            // Exactly half way: round to even.
            bits &= ~1
        }
        bits = (bits + (bits & 1)) >> 1
        if bits >= 2 << 52 {
            bits = 1 << 52
            biased += 1
        }
        guard biased < 0x7FF else { return nil }
        return Double(bitPattern: UInt64(biased) << 52 | bits & ((1 << 52) - 1))
    }

    /// `e`, an optional sign and digits up to `end`, capped far beyond any range; nil when that is not what
    /// stands there.
    private static func exponentPart(_ text: RawSpan, _ start: Int, _ end: Int) -> Int? {
        var offset = start
        guard text.uncheckedByte(offset) | 0x20 == UInt8(ascii: "e") else { return nil }
        offset += 1
        guard offset < end else { return nil }
        let sign = text.uncheckedByte(offset)
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { offset += 1 }
        guard offset < end else { return nil }
        var value = 0
        while offset < end {
            let digit = text.uncheckedByte(offset) &- 0x30
            guard digit < 10 else { return nil }
            // A body's digits may outweigh an exponent of the length of the body, but no body has 10^15
            // digits.
            if value < 1_000_000_000_000_000 { value = value * 10 + Int(digit) }
            offset += 1
        }
        return sign == UInt8(ascii: "-") ? -value : value
    }

    /// NaN without a sign, Inf and Infinity with or without, in any case.
    private static func special(
        _ text: RawSpan, _ start: Int, _ end: Int, negative: Bool, signed: Bool
    ) -> Double? {
        func isWord(_ word: StaticString) -> Bool {
            end - start == word.utf8CodeUnitCount && text.hasPrefix(word, at: start, ignoringCase: true)
        }
        if isWord("inf") || isWord("infinity") { return negative ? -.infinity : .infinity }
        return !signed && isWord("nan") ? Double.nan : nil
    }

    /// More than 19 digits that matter: the standard library's conversion on the first 800 of them. Rare: no
    /// exporter that prints shortest decimals comes here.
    private static func exact(_ text: RawSpan, _ range: Range<Int>, exponent: Int) -> Double? {
        var digits: [UInt8] = []
        var power = exponent
        var sawPoint = false
        var sticky = false
        for offset in range {
            let byte = text.uncheckedByte(offset)
            if byte == UInt8(ascii: ".") {
                sawPoint = true
                continue
            }
            if sawPoint { power -= 1 }
            if digits.isEmpty, byte == UInt8(ascii: "0") { continue }
            if digits.count < maxExactDigits {
                digits.append(byte)
            } else {
                power += 1
                if byte != UInt8(ascii: "0") { sticky = true }
            }
        }
        // What was left out only matters by not being zero.
        if sticky {
            digits.append(UInt8(ascii: "1"))
            power -= 1
        }
        // Beyond these exponents the result is 0 or out of range whatever the 801 digits are.
        let canonical = String(decoding: digits, as: UTF8.self) + "e\(max(-10_000, min(10_000, power)))"
        guard let value = Double(canonical), value.isFinite else { return nil }
        return value
    }
}
