internal import MetricModel

/// How one changed value is written as a code of four bits and some nibbles: as the difference to its base of
/// whole numbers at a power of ten, or as the XOR with it.
///
/// The scale comes from the base, so that it costs nothing. Where the base is 0, as everywhere in a frame
/// that has none, it is the one that the chunk named last. The difference of the series before is remembered:
/// the buckets of a histogram move by nearly the same.
struct DifferenceCoding {
    enum Code {
        /// The value is the base itself.
        static let same: UInt8 = 0
        /// The difference equals the one before.
        static let repeated: UInt8 = 1
        /// The difference in one nibble; the six codes that follow have it in two to seven.
        static let difference: UInt8 = 2
        /// The difference less the one before, in one nibble; the two codes that follow have it in two and
        /// three.
        static let more: UInt8 = 9
        /// The difference in ten nibbles.
        static let long: UInt8 = 12
        /// A nibble with the scale, one with a number of nibbles, then the difference in as many.
        static let scaled: UInt8 = 13
        /// The XOR's four highest nibbles; the others are 0.
        static let high: UInt8 = 14
        /// The whole XOR.
        static let whole: UInt8 = 15
    }

    /// Without a scale the codes 1 to 12 are the XOR in its lowest nibbles, three more than the code says.
    private static let extraNibbles = 3
    /// No difference of two numbers below the limit has more.
    private static let mostNibbles = 14

    /// By code the nibbles of its number, four bits each; none where the difference is the one before.
    private static let lengths: UInt64 = 0xA_3217_6543_2100
    /// Bits of the codes whose number is added to the difference before: 1, 9, 10 and 11.
    private static let addingCodes: UInt64 = 0b1110_0000_0010

    /// The difference written last, and the scale named last.
    private var last: Int64 = 0
    private var scale = 0

    /// Where the base is not 0, its own scale.
    @inline(__always)
    private func scale(of base: Double) -> Int { base == 0 ? scale : DecimalScale.of(base) }

    /// How many nibbles a number takes: one at least.
    @inline(__always)
    private static func nibbles(_ number: UInt64) -> Int { (67 &- (number | 1).leadingZeroBitCount) &>> 2 }

    @inline(__always)
    private static func zigzag(_ number: Int64) -> UInt64 {
        UInt64(bitPattern: (number &<< 1) ^ (number &>> 63))
    }

    @inline(__always)
    private static func signed(_ number: UInt64) -> Int64 {
        Int64(bitPattern: number &>> 1) ^ (0 &- Int64(bitPattern: number & 1))
    }

    // MARK: writing

    /// Writes what makes `value` of `base`, which has other bits, and returns the code.
    @inline(__always)
    mutating func put(_ value: UInt64, base: UInt64, into output: inout NibbleOutput) -> UInt8 {
        let (new, old) = (Double(bitPattern: value), Double(bitPattern: base))
        let scale = scale(of: old)
        if scale != DecimalScale.none {
            if old == 0, scale != 0, let code = putRounder(new, than: scale, into: &output) { return code }
            let factor = DecimalScale.factor(scale)
            let (scaled, before) = scale == 0 ? (new, old) : (new * factor, old * factor)
            if scaled.magnitude < DecimalScale.limit {
                let number = DecimalScale.whole(scaled)
                if DecimalScale.value(number, scale).bitPattern == value {
                    let difference = number &- DecimalScale.whole(before)
                    if let code = put(difference, into: &output) { return code }
                }
            }
        }
        return putRare(value, base: base, scale: scale, into: &output)
    }

    @inline(__always)
    private mutating func put(_ difference: Int64, into output: inout NibbleOutput) -> UInt8? {
        let more = Self.zigzag(difference &- last)
        let whole = Self.zigzag(difference)
        let wholeNibbles = Self.nibbles(whole)
        if wholeNibbles > 7, more > 0xFFF {
            guard wholeNibbles <= 10 else { return nil }
            last = difference
            output.put(whole, 10)
            return Code.long
        }
        last = difference
        // Without a branch: which of them it is cannot be foretold.
        let moreNibbles = more == 0 ? 0 : Self.nibbles(more)
        let isMore = moreNibbles < wholeNibbles && moreNibbles <= 3
        let nibbles = isMore ? moreNibbles : wholeNibbles
        output.put(isMore ? more : whole, nibbles)
        let first = isMore ? (more == 0 ? Code.repeated : Code.more &- 1) : Code.difference &- 1
        return first &+ UInt8(truncatingIfNeeded: nibbles)
    }

    /// Where no base says the scale, the one named last may be far too fine.
    private mutating func putRounder(
        _ value: Double, than scale: Int, into output: inout NibbleOutput
    ) -> UInt8? {
        let named = DecimalScale.of(value)
        guard named < scale else { return nil }
        let scaled = value * DecimalScale.factor(scale)
        if scaled.magnitude < DecimalScale.limit {
            let number = DecimalScale.whole(scaled)
            let more = Self.nibbles(Self.zigzag(number &- last))
            let whole = Self.nibbles(Self.zigzag(number))
            let nibbles = more <= 3 ? min(more, whole) : whole <= 7 ? whole : whole <= 10 ? 10 : 16
            let rounder = DecimalScale.whole(value * DecimalScale.factor(named))
            guard Self.nibbles(Self.zigzag(rounder)) + 2 < nibbles else { return nil }
        }
        return putScaled(value, named, base: 0, below: 16, into: &output)
    }

    /// Names a scale; nil where that takes `most` nibbles or more, or does not give the value back.
    private mutating func putScaled(
        _ value: Double, _ named: Int, base: Double, below most: Int, into output: inout NibbleOutput
    ) -> UInt8? {
        let before = base * DecimalScale.factor(named)
        guard before.magnitude < DecimalScale.limit else { return nil }
        let number = DecimalScale.whole(value * DecimalScale.factor(named))
        let difference = number &- DecimalScale.whole(before)
        let nibbles = Self.nibbles(Self.zigzag(difference))
        guard nibbles <= Self.mostNibbles, nibbles + 2 < most,
            DecimalScale.value(number, named).bitPattern == value.bitPattern
        else { return nil }
        last = difference
        scale = named
        output.put(UInt64(named) | UInt64(nibbles) << 4, 2)
        output.put(Self.zigzag(difference), nibbles)
        return Code.scaled
    }

    /// Writes what the short codes cannot say: a value whose scale is not the base's, a whole number far from
    /// the base, and a value that is no decimal number.
    private mutating func putRare(
        _ value: UInt64, base: UInt64, scale: Int, into output: inout NibbleOutput
    ) -> UInt8 {
        let bits = value ^ base
        let isHigh = bits & 0x0000_FFFF_FFFF_FFFF == 0
        let most = isHigh ? 4 : scale == DecimalScale.none ? max(4, Self.nibbles(bits)) : 16
        let new = Double(bitPattern: value)
        let named = DecimalScale.of(new)
        if named != DecimalScale.none,
            let code = putScaled(new, named, base: Double(bitPattern: base), below: most, into: &output)
        {
            return code
        }
        if isHigh {
            output.put(bits >> 48, 4)
            return Code.high
        }
        if most < 16 {
            output.put(bits, most)
            return UInt8(most - Self.extraNibbles)
        }
        output.put(bits & 0xFFFF_FFFF, 8)
        output.put(bits >> 32, 8)
        return Code.whole
    }

    // MARK: reading

    /// The value that `code` and what follows in `input` make of `base`; nil when no writer writes that.
    @inline(__always)
    mutating func take(_ code: UInt8, base: UInt64, from input: inout NibbleInput) -> UInt64? {
        let old = Double(bitPattern: base)
        if code >= Code.scaled { return takeRare(code, base: base, from: &input) }
        let scale = scale(of: old)
        if scale == DecimalScale.none { return base ^ input.take(Int(code) &+ Self.extraNibbles) }
        // Without a branch: which code it is cannot be foretold.
        let select = UInt64(code)
        let number = Self.signed(input.take(Int(truncatingIfNeeded: Self.lengths &>> (select &* 4) & 15)))
        let kept = 0 &- Int64(truncatingIfNeeded: Self.addingCodes &>> select & 1)
        // A file may say anything: no sum traps.
        last = (last & kept) &+ number
        let before = scale == 0 ? old : old * DecimalScale.factor(scale)
        return DecimalScale.value(DecimalScale.whole(before) &+ last, scale).bitPattern
    }

    private mutating func takeRare(_ code: UInt8, base: UInt64, from input: inout NibbleInput) -> UInt64? {
        switch code {
        case Code.high: return base ^ input.take(4) << 48
        case Code.whole:
            let low = input.take(8)
            return base ^ (low | input.take(8) << 32)
        default:
            let named = Int(input.take(1))
            let nibbles = Int(input.take(1))
            guard named < DecimalScale.count, (1...Self.mostNibbles).contains(nibbles) else { return nil }
            let before = Double(bitPattern: base) * DecimalScale.factor(named)
            // False for NaN, too.
            guard before.magnitude < DecimalScale.limit else { return nil }
            last = Self.signed(input.take(nibbles))
            scale = named
            return DecimalScale.value(DecimalScale.whole(before) &+ last, named).bitPattern
        }
    }
}
