extension DecimalFloat {
    /// Bytes after a number's start that `parsePrefix` may read.
    static let prefixReach = 64

    /// The whole number of up to seven digits that begins at `start` and that a newline follows, and where
    /// the next line begins; `next` is -1 for anything else. Small, to be inlined where most values are such
    /// numbers. The caller has checked `start + 8 <= byteCount`.
    @inline(__always)
    static func parseShortLine(_ text: RawSpan, _ start: Int) -> (value: Double, next: Int) {
        let word = text.uncheckedWord64(start)
        let values = word ^ zeros
        if word & 0xFF00 == 0x0A00, values & 0xFF < 10 {
            return (Double(Int32(truncatingIfNeeded: values & 0xFF)), start &+ 2)
        }
        let others = ((values &+ 0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080
        // Eight times the number of digits; 0 for none and for eight and more.
        let bits = UInt64(truncatingIfNeeded: others.trailingZeroBitCount) & 0x38
        if (word &>> bits) & 0xFF != 0x0A || bits == 0 { return (0, -1) }
        let number = eightDigits(values &<< (64 &- bits))
        return (Double(Int64(truncatingIfNeeded: number)), start &+ Int(truncatingIfNeeded: bits &>> 3) &+ 1)
    }

    /// The number that begins at `start` and the offset after it, for the values that exporters print: a
    /// sign, up to 19 digits with a point, a short exponent. `end` is -1 for anything else, which `parse`
    /// decides. The caller has checked `start + prefixReach <= byteCount`.
    @inline(never)
    static func parsePrefix(_ text: RawSpan, _ start: Int) -> (value: Double, end: Int) {
        var offset = start
        var word = text.uncheckedWord64(offset)
        let negative = word & 0xFF == 0x2D
        if negative {
            offset &+= 1
            word = text.uncheckedWord64(offset)
        }
        var count = leadingDigits(word)
        if count == 0 { return (0, -1) }
        // `count` is 1...8, so the shift is 0...56 and drops what follows the digits.
        var mantissa = eightDigits((word ^ zeros) << UInt64(truncatingIfNeeded: 64 &- 8 &* count))
        offset &+= count
        var byte = text.uncheckedByte(offset)
        if count == 8 {
            // At most 11 more digits: 19 in all fit 64 bits.
            while byte &- 0x30 < 10 {
                if count == 19 { return (0, -1) }
                mantissa = mantissa &* 10 &+ UInt64(byte &- 0x30)
                count &+= 1
                offset &+= 1
                byte = text.uncheckedByte(offset)
            }
        }
        if byte == 0x0A || byte == 0x20 {
            if mantissa <= 1 << 53 {
                let value = Double(Int64(truncatingIfNeeded: mantissa))
                return (negative ? -value : value, offset)
            }
        }
        return fraction(text, mantissa, count, offset, negative: negative)
    }

    /// Goes on after the digits before the point: `mantissa` of `count` digits, `start` the offset after
    /// them.
    @inline(__always)
    private static func fraction(
        _ text: RawSpan, _ whole: UInt64, _ wholeDigits: Int, _ start: Int, negative: Bool
    ) -> (value: Double, end: Int) {
        var mantissa = whole
        var offset = start
        var exponent = 0
        var byte = text.uncheckedByte(offset)
        if byte == 0x2E {
            offset &+= 1
            let word = text.uncheckedWord64(offset)
            let count = leadingDigits(word)
            if wholeDigits > 11 { return (0, -1) }
            if count < 8 {
                // Digits in front, zeros behind them: eight digits again. The shift is 0...56.
                let kept = (word ^ zeros) & ((1 << UInt64(truncatingIfNeeded: 8 &* count)) &- 1)
                mantissa = mantissa &* 100_000_000 &+ eightDigits(kept)
                exponent = -8
                offset &+= count
                byte = text.uncheckedByte(offset)
            } else {
                mantissa = mantissa &* 100_000_000 &+ eightDigits(word ^ zeros)
                exponent = -8
                offset &+= 8
                byte = text.uncheckedByte(offset)
                // Zeros in front of the first digit that matters take no room in the 64 bits.
                while byte &- 0x30 < 10 {
                    if mantissa >= 1_000_000_000_000_000_000 || exponent < -28 { return (0, -1) }
                    mantissa = mantissa &* 10 &+ UInt64(byte &- 0x30)
                    exponent &-= 1
                    offset &+= 1
                    byte = text.uncheckedByte(offset)
                }
            }
        }
        if byte | 0x20 == 0x65 {
            offset &+= 1
            byte = text.uncheckedByte(offset)
            let negativeExponent = byte == 0x2D
            if negativeExponent || byte == 0x2B {
                offset &+= 1
                byte = text.uncheckedByte(offset)
            }
            if byte &- 0x30 >= 10 { return (0, -1) }
            var written = 0
            let digitsStart = offset
            while byte &- 0x30 < 10 {
                if offset &- digitsStart == 4 { return (0, -1) }
                written = written &* 10 &+ Int(byte &- 0x30)
                offset &+= 1
                byte = text.uncheckedByte(offset)
            }
            exponent &+= negativeExponent ? -written : written
        }
        guard let value = compose(mantissa, exponent) else { return (0, -1) }
        return (negative ? -value : value, offset)
    }

    /// Eight ASCII zeros; a digit XOR this is its value.
    private static var zeros: UInt64 { 0x3030_3030_3030_3030 }

    /// How many of the eight bytes, from the lowest on, are digits before the first that is none.
    @inline(__always)
    private static func leadingDigits(_ word: UInt64) -> Int {
        let values = word ^ zeros
        // 0x76 carries into the high bit from 10 on. A byte that overflows spoils those after it only, and it
        // is no digit itself.
        let others = ((values &+ 0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080
        return others.trailingZeroBitCount &>> 3
    }

    /// The number that eight digit values stand for, the lowest byte first; below 10^8, so nothing overflows.
    @inline(__always)
    private static func eightDigits(_ values: UInt64) -> UInt64 {
        let pairs = values &* 10 &+ (values &>> 8)
        let low = (pairs & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
        let high = ((pairs &>> 16) & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001
        return (low &+ high) &>> 32
    }
}
