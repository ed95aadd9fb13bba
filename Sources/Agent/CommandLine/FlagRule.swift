/// One flag of `narthex run` or of `prometheus`, and what becomes of it here.
public struct FlagRule: Sendable, Equatable {
    /// What is written behind a flag's name.
    public enum Value: Sendable, Equatable {
        /// The flag is a switch without a value: `--name` turns it on, `--no-name` turns it off.
        case nothing
        /// Any text.
        case text
        /// A duration such as `1h30m`.
        case duration
        /// A size such as `15MB`.
        case size
        /// One of these.
        case oneOf([String])
    }

    /// What becomes of a flag.
    public enum Verdict: String, Sendable {
        /// It does what it says.
        case honoured
        /// It is taken with one warning, since it has no meaning here.
        case ignored
        /// The command ends with the sentence, since going on without it would mislead.
        case refused
    }

    /// Without its dashes.
    public let name: String
    public let value: Value
    public let verdict: Verdict
    /// What it does, why it has no effect, or why it is refused and what to use instead: a clause that may
    /// stand behind a colon.
    public let sentence: String
    /// Whether it may be given several times; other flags may not, as in Prometheus.
    public let isCumulative: Bool
    /// A value with which it asks for nothing beyond what is so anyway, so nothing is said of it. A switch's
    /// values are `true` and `false`.
    public let plainValue: String?
    /// Of a switch: whether its absence means something else than off, so that off is handed on as well.
    public let hasThirdState: Bool

    init(
        _ name: String, _ value: Value, _ verdict: Verdict, _ sentence: String, isCumulative: Bool = false,
        plainValue: String? = nil, hasThirdState: Bool = false
    ) {
        self.name = name
        self.value = value
        self.verdict = verdict
        self.sentence = sentence
        self.isCumulative = isCumulative
        self.plainValue = plainValue
        self.hasThirdState = hasThirdState
    }

    /// Why `text` cannot be the flag's value; nil when it can. What a flag without effect is given is not
    /// looked at.
    func fault(_ text: String) -> String? {
        guard verdict == .honoured else { return nil }
        switch value {
        case .nothing, .text: return nil
        case .duration:
            return FlagGrammar.durationMs(text) == nil
                ? "\"\(text)\" is no duration; write a number with a unit, for instance 30s, 5m or 1h30m"
                : nil
        case .size:
            return FlagGrammar.sizeBytes(text) == nil
                ? "\"\(text)\" is no size; write a number with B, KB, MB or GB, for instance 512MB" : nil
        case .oneOf(let choices):
            return choices.contains(text)
                ? nil : "\"\(text)\" is not one of \(choices.joined(separator: ", "))"
        }
    }
}
