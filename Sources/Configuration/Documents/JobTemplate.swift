/// The part of Jinja that jobs of ECS Files Composer use for variables: `{{ env_var('NAME') }}`,
/// `{{ env_var('NAME', 'default') }}`, `{{ 'default' | env_override('NAME') }}`, `{{ env.NAME }}`,
/// `{{ env['NAME'] }}` and `{{ env.get('NAME', 'default') }}`, with `| safe` behind it or not.
///
/// Unlike in the composer nothing is escaped for HTML, and a variable that is not set is a fault and not the
/// word None.
public struct JobTemplate: Sendable {
    /// What is wrong, with the place in the text, both numbers from 1.
    public struct Fault: Error, Sendable, Equatable {
        public let line: Int
        public let column: Int
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
        var scan = TemplateScan(text)
        var result = ""
        while let piece = scan.next() {
            switch piece {
            case .text(let text): result += text
            case .call(let call): result += try value(call, scan)
            case .unknown(let text):
                guard !isTemplate else {
                    throw scan.fault(
                        "of Jinja only env_var('NAME'), env_var('NAME', 'default'), 'default' |"
                            + " env_override('NAME') and env.NAME in {{ }} are known")
                }
                result += text
            }
        }
        return result
    }

    private func value(_ call: TemplateScan.Call, _ scan: TemplateScan) throws(Fault) -> String {
        if let value = environment[call.name] ?? call.fallback { return value }
        throw scan.fault(
            "the environment has no \(call.name); set it, or write {{ env_var('\(call.name)', 'default') }}")
    }

    /// The text with a mark in the place of each expression, so that it can be read as YAML before the values
    /// are known: a value is one value then, whatever it holds. Nil where there is nothing to replace.
    func masked(_ text: String) -> Masked? {
        guard text.contains("{{"), !text.unicodeScalars.contains(Masked.open) else { return nil }
        var scan = TemplateScan(text)
        var masked = Masked()
        while let piece = scan.next() {
            switch piece {
            case .text(let text), .unknown(let text): masked.text += text
            case .call(let call):
                masked.text.unicodeScalars.append(Masked.open)
                masked.text += "\(masked.values.count)"
                masked.text.unicodeScalars.append(Masked.close)
                do throws(Fault) {
                    masked.values.append(.success(try value(call, scan)))
                } catch {
                    masked.values.append(.failure(error))
                }
            }
        }
        return masked.values.isEmpty ? nil : masked
    }

    /// A text with marks, and what they stand for.
    struct Masked {
        /// Of Unicode's private use: no configuration has them.
        static let open: Unicode.Scalar = "\u{E000}"
        static let close: Unicode.Scalar = "\u{E001}"

        var text = ""
        var values: [Result<String, Fault>] = []

        /// A part of the text with the values; reports those that are not to be had.
        func filled(_ part: String, _ report: (Fault) -> Void) -> String {
            guard part.unicodeScalars.contains(Self.open) else { return part }
            var result = ""
            var rest = Substring(part).unicodeScalars
            while let start = rest.firstIndex(of: Self.open) {
                result.unicodeScalars += rest[..<start]
                rest = rest[rest.index(after: start)...]
                guard let end = rest.firstIndex(of: Self.close) else { break }
                if let index = Int(String(rest[..<end])), values.indices.contains(index) {
                    switch values[index] {
                    case .success(let value): result += value
                    case .failure(let fault): report(fault)
                    }
                }
                rest = rest[rest.index(after: end)...]
            }
            result.unicodeScalars += rest
            return result
        }
    }
}

/// Cuts a text into its expressions and what is between them.
private struct TemplateScan {
    enum Piece {
        case text(Substring)
        case call(Call)
        /// The two characters that begin an expression or a statement of Jinja which is not known here.
        case unknown(Substring)
    }

    private var rest: Substring.UTF8View
    /// Of the last piece.
    private var line = 1
    private var column = 1
    private var piece: Substring.UTF8View
    /// Longest expression taken, bytes.
    private static let expressionLimit = 1_024
    /// Where the next `}}` is, and whether one was looked for and not found: looking anew at each brace would
    /// take the square of the text's length.
    private var close: Range<Substring.Index>?
    private var hasNoClose = false

    private static let brace = UInt8(ascii: "{")

    init(_ text: String) {
        rest = Substring(text).utf8
        piece = rest.prefix(0)
    }

    func fault(_ message: String) -> JobTemplate.Fault {
        JobTemplate.Fault(line: line, column: column, message: message)
    }

    mutating func next() -> Piece? {
        pass(piece)
        guard !rest.isEmpty else { return nil }
        guard let brace = rest.firstIndex(of: Self.brace) else { return .text(take(rest.endIndex)) }
        guard brace == rest.startIndex else { return .text(take(brace)) }
        let end = rest.index(after: brace)
        guard end < rest.endIndex, [Self.brace, UInt8(ascii: "%"), UInt8(ascii: "#")].contains(rest[end])
        else { return .text(take(end)) }
        if rest[end] == Self.brace, let close = nextClose(),
            rest.distance(from: rest.startIndex, to: close.lowerBound) <= Self.expressionLimit,
            let call = Call(Substring(rest[..<close.lowerBound].dropFirst(2)))
        {
            _ = take(close.upperBound)
            return .call(call)
        }
        return .unknown(take(end))
    }

    /// The first `}}` of what is left.
    private mutating func nextClose() -> Range<Substring.Index>? {
        if let close, close.lowerBound >= rest.startIndex { return close }
        guard !hasNoClose else { return nil }
        close = rest.firstRange(of: "}}".utf8)
        hasNoClose = close == nil
        return close
    }

    private mutating func take(_ end: Substring.Index) -> Substring {
        piece = rest[..<end]
        rest = rest[end...]
        return Substring(piece)
    }

    /// Counts what is behind now.
    private mutating func pass(_ text: Substring.UTF8View) {
        for byte in text {
            if byte == 0x0A {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
    }

    /// What stands between the braces.
    struct Call {
        let name: String
        let fallback: String?

        /// Nil for anything but the value of a variable.
        init?(_ text: Substring) {
            var words = TemplateWords(text)
            guard let (name, fallback) = words.expression() else { return nil }
            self.name = name
            self.fallback = fallback
            while words.take("|") { guard words.take("safe") else { return nil } }
            guard words.isAtEnd else { return nil }
        }
    }
}

/// Reads the words of one expression.
private struct TemplateWords {
    private var rest: Substring

    init(_ text: Substring) { rest = text }

    var isAtEnd: Bool { rest.allSatisfy(\.isWhitespace) }

    mutating func take(_ word: String) -> Bool {
        space()
        guard rest.hasPrefix(word) else { return false }
        rest = rest.dropFirst(word.count)
        return true
    }

    /// A variable's name and what stands for it where it is not set.
    mutating func expression() -> (name: String, fallback: String?)? {
        if take("env_var") { return arguments() }
        if take("env") {
            if take("[") {
                guard let name = literal(), take("]") else { return nil }
                return (name, nil)
            }
            guard take(".") else { return nil }
            guard let name = word() else { return nil }
            if name == "get", rest.first == "(" { return arguments() }
            return (name, nil)
        }
        // Before the pipe stands a text, or a name that nothing has given a value.
        var fallback: String?
        if let text = literal() { fallback = text } else { guard word() != nil else { return nil } }
        guard take("|"), take("env_override"), take("("), let name = literal(), take(")") else { return nil }
        return (name, fallback)
    }

    private mutating func arguments() -> (name: String, fallback: String?)? {
        guard take("("), let name = literal() else { return nil }
        var fallback: String?
        if take(",") {
            if take("value") { guard take("=") else { return nil } }
            guard let text = literal() else { return nil }
            fallback = text
        }
        return take(")") ? (name, fallback) : nil
    }

    private mutating func space() { rest = rest.drop { $0.isWhitespace } }

    private mutating func word() -> String? {
        space()
        let word = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        guard let first = word.first, !first.isNumber else { return nil }
        rest = rest.dropFirst(word.count)
        return String(word)
    }

    private mutating func literal() -> String? {
        space()
        guard let quote = rest.first, quote == "'" || quote == "\"" else { return nil }
        let inner = rest.dropFirst()
        guard let end = inner.firstIndex(of: quote), !inner[..<end].contains("\\") else { return nil }
        rest = inner[inner.index(after: end)...]
        return String(inner[..<end])
    }
}
