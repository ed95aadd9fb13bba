/// The `regex` of a rule: it must match the whole text, and a dot matches a newline, as in Prometheus.
public struct RelabelPattern: Sendable, Equatable {
    private enum Matcher: Sendable {
        case shape(PatternShape)
        case compiled(CompiledPattern)
    }

    /// Longest pattern taken. Go and RE2 bound the program instead; a configuration is no longer than this.
    static let maxBytes = 1 << 20

    /// `(.*)`, the default.
    public static let everything = RelabelPattern(
        text: "(.*)", matcher: .shape(.prefix([], needsTail: false, .tail)), groupCount: 1)

    /// As the user wrote it.
    public let text: String
    private let matcher: Matcher
    let groupCount: Int

    /// Throws what is wrong with the pattern.
    public init(_ text: String) throws(RelabelError) {
        try self.init(text, usesShapes: true)
    }

    /// Without shapes every pattern is RE2's: what tests compare shapes with.
    init(_ text: String, usesShapes: Bool) throws(RelabelError) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maxBytes else {
            throw RelabelError(.regex, "regex is longer than \(Self.maxBytes) bytes")
        }
        if usesShapes, let shape = PatternShape(bytes) {
            self.init(text: text, matcher: .shape(shape), groupCount: shape.groupCount)
            return
        }
        do throws(PatternFault) {
            let compiled = try CompiledPattern(
                Array("^(?s:".utf8) + PatternDialect.translated(bytes) + Array(")$".utf8))
            self.init(text: text, matcher: .compiled(compiled), groupCount: compiled.groupCount)
        } catch {
            throw RelabelError(.regex, "regex is not a regular expression of RE2: \(error.message)")
        }
    }

    private init(text: String, matcher: Matcher, groupCount: Int) {
        self.text = text
        self.matcher = matcher
        self.groupCount = groupCount
    }

    public static func == (left: RelabelPattern, right: RelabelPattern) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    /// Whether it matches all of `text`.
    func matches(_ text: [UInt8]) -> Bool {
        switch matcher {
        case .shape(let shape): shape.matches(text)
        case .compiled(let compiled): compiled.isFound(in: text)
        }
    }

    /// The same, with start and end of the match and of each group in `ranges`; -1 for a group that took no
    /// part.
    func find(in text: [UInt8], ranges: inout [Int32]) -> Bool {
        switch matcher {
        case .shape(let shape): shape.find(in: text, ranges: &ranges)
        case .compiled(let compiled): compiled.find(in: text, ranges: &ranges)
        }
    }

    /// The number of a named group.
    func group(named name: String) -> Int? {
        switch matcher {
        case .shape: nil
        case .compiled(let compiled): compiled.group(named: name)
        }
    }
}
