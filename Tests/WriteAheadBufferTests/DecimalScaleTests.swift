import Testing

@testable import WriteAheadBuffer

struct DecimalScaleTests {
    @Test(arguments: [
        (0.0, 0), (-0.0, 0), (1, 0), (-17, 0), (2_251_799_813_685_247, 0), (0.1, 1), (12.25, 1), (-3.5, 1),
        (0.001, 2), (0.137, 2), (0.000_25, 3), (1e-9, 4), (0.123_456_789, 4), (2_251_799.25, 1),
        (3_000_000.125, 2), (3_000_000.000_001, 3), (3e9 + 0.25, 1), (3e9 + 0.125, 2),
        (2_251_799_813_685_248, DecimalScale.none), (.pi, DecimalScale.none), (.infinity, DecimalScale.none),
        (.nan, DecimalScale.none), (1e300, DecimalScale.none), (.leastNonzeroMagnitude, DecimalScale.none),
        (1e-10, DecimalScale.none),
    ])
    func theSmallestScaleIsFound(value: Double, scale: Int) {
        #expect(DecimalScale.of(value) == scale)
    }

    @Test(arguments: 1...20)
    func aScaleGivesTheValueBack(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let digits = generator.below(10)
            let number = Int64(generator.next() >> UInt64(14 + generator.below(50)))
            let value = Double(number) / (0..<digits).reduce(1.0) { power, _ in power * 10 }
            let scale = DecimalScale.of(value)
            guard scale != DecimalScale.none else { continue }
            let whole = DecimalScale.whole(value * DecimalScale.factor(scale))
            #expect(DecimalScale.value(whole, scale) == value, "seed \(seed)")
        }
    }

    @Test func wholeNumbersRoundToTheNearest() {
        #expect(DecimalScale.whole(2.5) == 2)
        #expect(DecimalScale.whole(3.5) == 4)
        #expect(DecimalScale.whole(-2.501) == -3)
        #expect(DecimalScale.whole(2_251_799_813_685_247) == 2_251_799_813_685_247)
        #expect(DecimalScale.whole(-2_251_799_813_685_247) == -2_251_799_813_685_247)
    }
}
