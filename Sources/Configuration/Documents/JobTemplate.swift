/// The part of Jinja that configurations in jobs of ECS Files Composer use: `{{ env_var('NAME') }}` and
/// `{{ env_var('NAME', 'default') }}`, with `| safe` behind it or not.
///
/// Unlike in the composer nothing is escaped for HTML, and a variable that is not set is a fault and not the
/// word None.
public struct JobTemplate: Sendable {
    /// What is wrong, with the line of the text, from 1.
    public struct Fault: Error, Sendable, Equatable {
        public let line: Int
        public let message: String
    }

    private let environment: [String: String]
    /// Whether everything in braces is Jinja's: what is not known is a fault then, and text otherwise.
    private let isTemplate: Bool

    /// `isTemplate` is the file's `context: jinja2`.
    public init(environment: [String: String], isTemplate: Bool) {
        self.environment = environment
        self.isTemplate = isTemplate
    }

    /// `text` with its expressions replaced.
    public func rendered(_ text: String) throws(Fault) -> String {
        var result = ""
        var rest = Substring(text)
        var line = 1
        while let brace = rest.firstIndex(of: "{") {
            let before = rest[..<brace]
            result += before
            line += before.utf8.count { $0 == 0x0A }
            rest = rest[brace...]
            if rest.hasPrefix("{{"), let close = rest.firstRange(of: "}}") {
                let inner = rest[..<close.lowerBound].dropFirst(2)
                if let call = Call(inner) {
                    result += try value(call, line)
                    line += inner.utf8.count { $0 == 0x0A }
                    rest = rest[close.upperBound...]
                    continue
                }
            }
            if isTemplate, ["{{", "{%", "{#"].contains(where: { rest.hasPrefix($0) }) {
                throw Fault(
                    line: line,
                    message:
                        "of Jinja only {{ env_var('NAME') }} and {{ env_var('NAME', 'default') }} are known"
                )
            }
            result += "{"
            rest = rest.dropFirst()
        }
        return result + String(rest)
    }

    private func value(_ call: Call, _ line: Int) throws(Fault) -> String {
        if let value = environment[call.name] ?? call.fallback { return value }
        throw Fault(
            line: line,
            message: "the environment has no \(call.name); set it, or write"
                + " {{ env_var('\(call.name)', 'default') }}")
    }

    /// What stands between the braces.
    private struct Call {
        let name: String
        let fallback: String?

        /// Nil for anything but a call of env_var.
        init?(_ text: Substring) {
            var rest = text
            func space() { rest = rest.drop { $0.isWhitespace } }
            func take(_ word: String) -> Bool {
                space()
                guard rest.hasPrefix(word) else { return false }
                rest = rest.dropFirst(word.count)
                return true
            }
            func literal() -> String? {
                space()
                guard let quote = rest.first, quote == "'" || quote == "\"" else { return nil }
                let inner = rest.dropFirst()
                guard let end = inner.firstIndex(of: quote), !inner[..<end].contains("\\") else { return nil }
                rest = inner[inner.index(after: end)...]
                return String(inner[..<end])
            }
            guard take("env_var"), take("("), let name = literal() else { return nil }
            self.name = name
            var fallback: String?
            if take(",") {
                if take("value") { guard take("=") else { return nil } }
                guard let text = literal() else { return nil }
                fallback = text
            }
            self.fallback = fallback
            guard take(")") else { return nil }
            while take("|") { guard take("safe") else { return nil } }
            space()
            guard rest.isEmpty else { return nil }
        }
    }
}
