import MetricModel
import Relabel

/// Which targets are meant: `{job="api",instance!~"10\\..*"}`, as PromQL writes it.
struct TargetSelector {
    private struct Matcher {
        let name: String
        let isNegated: Bool
        /// The value itself, or a pattern that must match all of it.
        let value: String
        let pattern: RelabelPattern?
    }

    /// What is wrong with a selector.
    struct Fault: Error {
        let message: String
    }

    private static let mostMatchers = 100

    private var matchers: [Matcher] = []

    init(_ text: String) throws(Fault) {
        var rest = Substring(text)
        Self.skipSpace(&rest)
        guard rest.popFirst() == "{" else {
            throw Fault(message: "match_target must be like {job=\"api\"}")
        }
        while true {
            Self.skipSpace(&rest)
            if rest.first == "}", rest.dropFirst().allSatisfy(\.isWhitespace) { return }
            matchers.append(try Self.matcher(&rest))
            Self.skipSpace(&rest)
            if rest.first == "," { rest.removeFirst() } else if rest.first != "}" { break }
            guard matchers.count <= Self.mostMatchers else { break }
        }
        throw Fault(message: "match_target must be label=\"value\" with commas between, in braces")
    }

    func contains(_ labels: LabelSet) -> Bool {
        matchers.allSatisfy { matcher in
            let value = labels[matcher.name] ?? ""
            return (matcher.pattern?.matches(value) ?? (value == matcher.value)) != matcher.isNegated
        }
    }

    private static func matcher(_ rest: inout Substring) throws(Fault) -> Matcher {
        let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        rest.removeFirst(name.count)
        skipSpace(&rest)
        guard !name.isEmpty, let found = ["=~", "!~", "!=", "="].first(where: { rest.hasPrefix($0) }) else {
            throw Fault(message: "match_target: a label's name and =, !=, =~ or !~ are expected")
        }
        rest.removeFirst(found.count)
        skipSpace(&rest)
        let value = try quoted(&rest)
        do throws(RelabelError) {
            return Matcher(
                name: String(name), isNegated: found.hasPrefix("!"), value: value,
                pattern: found.hasSuffix("~") ? try RelabelPattern(value) : nil)
        } catch {
            throw Fault(message: "match_target: \(error)")
        }
    }

    private static func quoted(_ rest: inout Substring) throws(Fault) -> String {
        let fault = Fault(message: "match_target: a label's value must stand in quotes")
        guard let quote = rest.popFirst(), "\"'`".contains(quote) else { throw fault }
        var result = ""
        while let character = rest.popFirst() {
            if character == quote { return result }
            guard character == "\\", quote != "`" else {
                result.append(character)
                continue
            }
            switch rest.popFirst() {
            case "n": result.append("\n")
            case "t": result.append("\t")
            case "\\": result.append("\\")
            case quote: result.append(quote)
            default: throw Fault(message: "match_target: an unknown escape stands in a value")
            }
        }
        throw fault
    }

    private static func skipSpace(_ rest: inout Substring) { rest = rest.drop(while: \.isWhitespace) }
}
