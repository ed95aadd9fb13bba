import Cryptography
import MetricModel

@testable import Relabel

/// Rules applied the naive way, with strings, dictionaries and Swift's own regular expressions: what the real
/// ones are compared with.
enum ReferenceRelabel {
    private static let names = ["a", "b", "c", "ab", "__name__", "job"]
    private static let values = ["", "x", "y", "xy", "x;y", "Foo", "a", "b"]
    private static let patterns = [
        "(.*)", ".*", ".+", "x", "x|y", "(x)(.*)", "a.*", "(a|b)", "([a-z]+)", "x.*y", "(.)(.)?", "", "__.*",
        "a(.*)",
    ]
    private static let templates = ["$1", "${1}", "z", "", "$2", "p_$1", "a", "$$", "${1}${1}", "$1x"]

    static func randomLabels(_ generator: inout SeededGenerator) -> LabelSet {
        LabelSet(
            names.map { Label($0, values[Int.random(in: 0..<values.count, using: &generator)]) })
    }

    static func randomRules(_ generator: inout SeededGenerator) throws -> [RelabelRule.Keys] {
        func pick<T>(_ from: [T]) -> T { from[Int.random(in: 0..<from.count, using: &generator)] }
        return (0..<Int.random(in: 1...5, using: &generator)).map { _ in
            var keys = RelabelRule.Keys(action: pick(RelabelRule.Action.allCases))
            let sources = (0..<Int.random(in: 0...3, using: &generator)).map { _ in pick(names) }
            switch keys.action {
            case .keepequal, .dropequal:
                keys.sourceLabels = sources
                keys.targetLabel = pick(names)
            case .labeldrop, .labelkeep: keys.regex = pick(patterns)
            case .labelmap:
                keys.regex = pick(patterns)
                keys.replacement = pick(templates.filter { !$0.isEmpty })
            case .lowercase, .uppercase:
                keys.sourceLabels = sources
                keys.targetLabel = pick(names)
            case .hashmod:
                keys.sourceLabels = sources
                keys.targetLabel = pick(names)
                keys.modulus = 3
            case .keep, .drop:
                keys.sourceLabels = sources
                keys.regex = pick(patterns)
            case .replace, nil:
                keys.sourceLabels = sources
                keys.regex = pick(patterns)
                keys.targetLabel = pick(names + ["t_$1", "$2"])
                keys.replacement = pick(templates)
                keys.separator = pick([";", "", ","])
            }
            return keys
        }
    }

    /// Nil when the labels are dropped.
    static func apply(_ rules: [RelabelRule.Keys], _ before: LabelSet) throws -> LabelSet? {
        // In the order in which rules go through them: those set by a rule come last.
        var labels = before.labels.map { ($0.name, $0.value) }
        var set: Set<String> = []
        func get(_ name: String) -> String { labels.first { $0.0 == name }?.1 ?? "" }
        func put(_ name: String, _ value: String) {
            if let index = labels.firstIndex(where: { $0.0 == name }) {
                if value.isEmpty || !set.contains(name) {
                    labels.remove(at: index)
                } else {
                    labels[index].1 = value
                    return
                }
            }
            set.remove(name)
            if value.isEmpty { return }
            labels.append((name, value))
            set.insert(name)
        }
        for keys in rules {
            let source = (keys.sourceLabels ?? []).map(get).joined(separator: keys.separator ?? ";")
            let target = keys.targetLabel ?? ""
            func groups(_ text: String) throws -> [String]? { try Self.groups(keys.regex ?? "(.*)", text) }
            switch keys.action {
            case .drop: if try groups(source) != nil { return nil }
            case .keep: if try groups(source) == nil { return nil }
            case .dropequal: if get(target) == source { return nil }
            case .keepequal: if get(target) != source { return nil }
            case .lowercase: put(target, source.lowercased())
            case .uppercase: put(target, source.uppercased())
            case .hashmod: put(target, "\(MD5.lastWord(Array(source.utf8)) % (keys.modulus ?? 1))")
            case .labelmap:
                for (name, value) in labels {
                    guard let found = try groups(name) else { continue }
                    let new = expand(keys.replacement ?? "$1", found)
                    if !new.isEmpty { put(new, value) }
                }
            case .labeldrop, .labelkeep:
                for (name, _) in labels where try (groups(name) != nil) == (keys.action == .labeldrop) {
                    put(name, "")
                }
            case .replace, nil:
                guard let found = try groups(source) else { continue }
                let name = expand(target, found)
                if !name.isEmpty { put(name, expand(keys.replacement ?? "$1", found)) }
            }
        }
        return LabelSet(labels.map { Label($0.0, $0.1) })
    }

    private static func groups(_ pattern: String, _ text: String) throws -> [String]? {
        try Regex("(?s:\(pattern))").wholeMatch(in: text).map { match in
            (0..<match.count).map { match[$0].substring.map(String.init) ?? "" }
        }
    }

    /// The templates above alone.
    private static func expand(_ template: String, _ groups: [String]) -> String {
        func group(_ number: Int) -> String { number < groups.count ? groups[number] : "" }
        return switch template {
        case "$1", "${1}": group(1)
        case "$2": group(2)
        case "p_$1": "p_" + group(1)
        case "t_$1": "t_" + group(1)
        case "$$": "$"
        case "${1}${1}": group(1) + group(1)
        case "$1x": ""
        default: template
        }
    }
}
