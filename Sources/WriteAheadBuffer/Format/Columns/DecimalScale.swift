/// A power of ten that makes a value a whole number: most of what exporters show has few decimals, and whole
/// numbers differ by little where the bits of floats differ by much.
///
/// Every step is one operation of IEEE 754 in binary64, rounded to nearest even, so a reader finds on any
/// machine what the writer found.
enum DecimalScale {
    /// By index, as the file has it: 1, hundredths, thousandths, millionths, billionths.
    static let count = 5
    /// No scale makes the value whole.
    static let none = 5
    /// Whole numbers are below it in size, so that adding `magic` rounds.
    static let limit = 2_251_799_813_685_248.0
    /// 1.5 × 2^52: a number below `limit` in size is whole after the sum, in its lowest bits.
    private static let magic = 6_755_399_441_055_744.0

    @inline(__always)
    static func factor(_ scale: Int) -> Double {
        switch scale {
        case 0: 1
        case 1: 100
        case 2: 1_000
        case 3: 1_000_000
        default: 1_000_000_000
        }
    }

    /// `value`, which is below `limit` in size, to the nearest whole number. Anything else gives any number.
    @inline(__always)
    static func whole(_ value: Double) -> Int64 {
        Int64(bitPattern: (value + magic).bitPattern &- magic.bitPattern)
    }

    /// The smallest scale that makes `value` whole, or `none`; of a number with decimals the greatest one is
    /// tried for which it stays below the limit.
    @inline(__always)
    static func of(_ value: Double) -> Int {
        let size = value.magnitude
        // False for NaN, too.
        guard size < limit else { return none }
        if Double(whole(value)) == value { return 0 }
        return ofDecimals(value, size)
    }

    private static func ofDecimals(_ value: Double, _ size: Double) -> Int {
        let scale = size < limit / 1e9 ? 4 : size < limit / 1e6 ? 3 : size < limit / 1e3 ? 2 : none
        guard scale != none else { return none }
        let factor = factor(scale)
        let number = whole(value * factor)
        guard Double(number) / factor == value else { return none }
        switch scale {
        case 4:
            if number % 10_000_000 == 0 { return 1 }
            return number % 1_000_000 == 0 ? 2 : number % 1_000 == 0 ? 3 : 4
        case 3: return number % 10_000 == 0 ? 1 : number % 1_000 == 0 ? 2 : 3
        default: return number % 10 == 0 ? 1 : 2
        }
    }

    /// The value that a whole number stands for.
    @inline(__always)
    static func value(_ number: Int64, _ scale: Int) -> Double {
        scale == 0 ? Double(number) : Double(number) / factor(scale)
    }
}
