/// Tables for exact conversion of decimals.
enum DecimalTables {
    /// 10^0 … 10^22: the powers of ten that a Double holds exactly.
    static let exactPowersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
        1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    /// The exponents of ten for which a decimal of up to 19 digits may be finite and not zero.
    static let smallestPower = -342
    static let largestPower = 308

    /// For each q from `smallestPower` to `largestPower`: the 128 most significant bits of 5^q, high word
    /// first. As Eisel and Lemire want them (D. Lemire, "Number parsing at a gigabyte per second", 2021,
    /// section 5): truncated, and for -27 ≤ q < 0 one more.
    static let powersOfFive: [UInt64] = makePowersOfFive()

    private static func makePowersOfFive() -> [UInt64] {
        let count = largestPower - smallestPower + 1
        var table = [UInt64](repeating: 0, count: 2 * count)
        func store(_ q: Int, _ number: WideInteger) {
            var (high, low) = number.top128
            if q < 0, q >= -27 {
                low &+= 1
                if low == 0 { high &+= 1 }
            }
            table[2 * (q - smallestPower)] = high
            table[2 * (q - smallestPower) + 1] = low
        }
        // 5^308 has 716 bits.
        var power = WideInteger(limbs: 12)
        power.limbs[0] = 1
        for q in 0...largestPower {
            if q > 0 { power.multiplyByFive() }
            store(q, power)
        }
        // floor(floor(x / 5) / 5) is floor(x / 25): each step is exact, and 2^1151 / 5^342 still has 356
        // bits.
        var reciprocal = WideInteger(limbs: 18)
        reciprocal.limbs[17] = 1 << 63
        for q in stride(from: -1, through: smallestPower, by: -1) {
            reciprocal.divideByFive()
            store(q, reciprocal)
        }
        return table
    }
}

/// A natural number of fixed width, just wide enough to make the table of powers.
private struct WideInteger {
    /// Lowest first.
    var limbs: [UInt64]

    init(limbs count: Int) { limbs = Array(repeating: 0, count: count) }

    mutating func multiplyByFive() {
        var carry: UInt64 = 0
        for index in limbs.indices {
            let (high, low) = limbs[index].multipliedFullWidth(by: 5)
            let (sum, overflow) = low.addingReportingOverflow(carry)
            limbs[index] = sum
            carry = high + (overflow ? 1 : 0)
        }
        precondition(carry == 0, "the width holds the largest power")
    }

    mutating func divideByFive() {
        var remainder: UInt64 = 0
        for index in limbs.indices.reversed() {
            (limbs[index], remainder) = UInt64(5).dividingFullWidth((remainder, limbs[index]))
        }
    }

    /// The 128 bits from the highest set bit down, zeros below the number's end.
    var top128: (high: UInt64, low: UInt64) {
        guard let top = limbs.lastIndex(where: { $0 != 0 }) else { return (0, 0) }
        func limb(_ index: Int) -> UInt64 { index >= 0 ? limbs[index] : 0 }
        let shift = UInt64(limbs[top].leadingZeroBitCount)
        // A shift by 64 gives 0 in Swift, so a shift of 0 needs no case of its own.
        return (
            limb(top) << shift | limb(top - 1) >> (64 - shift),
            limb(top - 1) << shift | limb(top - 2) >> (64 - shift)
        )
    }
}
