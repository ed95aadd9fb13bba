import Platform

/// Seeded decisions of a part.
struct Dice: Sendable {
    private var generator: SplitMix64

    /// Other numbers for each part of a seed.
    init(seed: UInt64, _ parts: UInt64...) {
        var mixed = seed
        for part in parts {
            var generator = SplitMix64(seed: mixed ^ (part &* 0x9E37_79B9_7F4A_7C15))
            mixed = generator.next()
        }
        generator = SplitMix64(seed: mixed)
    }

    mutating func next() -> UInt64 { generator.next() }

    /// 0 up to `bound`, which is above 0, without it.
    mutating func below(_ bound: Int) -> Int { Int(generator.next() % UInt64(bound)) }

    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}
