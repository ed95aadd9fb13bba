import MetricModel
import Testing

@testable import Relabel

func labels(_ pairs: (String, String)...) -> LabelSet { LabelSet(pairs.map { Label($0.0, $0.1) }) }

func rule(
    _ action: RelabelRule.Action? = nil, source: [String]? = nil, separator: String? = nil,
    target: String? = nil, regex: String? = nil, modulus: UInt64? = nil, replacement: String? = nil
) throws(RelabelError) -> RelabelRule {
    try RelabelRule(
        RelabelRule.Keys(
            action: action, sourceLabels: source, separator: separator, targetLabel: target, regex: regex,
            modulus: modulus, replacement: replacement))
}

/// What rules leave of labels; nil when they drop them.
func relabelled(_ labels: LabelSet, _ rules: RelabelRule...) -> LabelSet? {
    let result = RelabelRules(rules).apply(to: labels)
    return result.outcome == .kept ? result.labels : nil
}

/// Random numbers that a printed seed gives again: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
        print("seed \(seed)")
    }

    mutating func next() -> UInt64 {
        // The algorithm is defined modulo 2^64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
