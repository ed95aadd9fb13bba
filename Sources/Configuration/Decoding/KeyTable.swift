/// The keys of one block of the schema. Decoding, messages and the test of docs/configuration.md all read
/// these.
struct KeyTable: Sendable {
    /// A key that is decoded.
    struct Key: Sendable {
        let name: String
        /// As the page writes it: `duration`, `string`, `list of string`.
        let type: String
        /// As the page writes it; empty when there is none.
        let defaultText: String

        init(_ name: String, _ type: String, _ defaultText: String = "") {
            self.name = name
            self.type = type
            self.defaultText = defaultText
        }
    }

    /// A key that Prometheus knows and that would change which samples are stored or where they go, so that
    /// passing over it would mislead.
    struct Refused: Sendable {
        let name: String
        /// The values that are let pass.
        let harmless: HarmlessValue
        /// Why, and what to use instead; it follows the name.
        let reason: String

        init(_ name: String, harmless: HarmlessValue = .empty, reason: String) {
            self.name = name
            self.harmless = harmless
            self.reason = reason
        }
    }

    /// A key that is accepted and has no effect, which is said. It may stand among the decoded keys as well;
    /// then its value is checked like theirs.
    struct Ignored: Sendable {
        /// What a value must be that nothing else looks at.
        enum Shape: Sendable {
            case scalar, bool, duration, list, anything
            /// A mapping of these keys; of any where there are none.
            case mapping([String])
        }

        let name: String
        let shape: Shape
        /// The values that ask for nothing, of which nothing is said.
        let silent: HarmlessValue
        let severity: IgnoredSetting.Severity
        /// What does not happen, and what to use instead; it follows the name.
        let sentence: String

        /// True for a key that has an effect with some values: decoding tells of the others.
        var mayHaveEffect: Bool {
            if case .anything = silent { true } else { false }
        }

        init(
            _ name: String, _ shape: Shape = .anything, silent: HarmlessValue = .empty,
            severity: IgnoredSetting.Severity = .harmless, says sentence: String
        ) {
            self.name = name
            self.shape = shape
            self.silent = silent
            self.severity = severity
            self.sentence = sentence
        }
    }

    /// The key whose value has this shape, for instance `remote_write`; `configuration file` for the top.
    let name: String
    let keys: [Key]
    let refused: [Refused]
    let ignored: [Ignored]
    /// Tables whose keys stand in this block as well; the page lists them once, under their own names.
    let shared: [KeyTable]

    init(
        _ name: String, _ keys: [Key], refused: [Refused] = [], ignored: [Ignored] = [],
        shared: [KeyTable] = []
    ) {
        self.name = name
        self.keys = keys
        self.refused = refused
        self.ignored = ignored
        self.shared = shared
    }

    /// Every key of the block, its own first.
    var allKeys: [Key] { keys + shared.flatMap(\.allKeys) }

    func has(_ key: String) -> Bool {
        keys.contains { $0.name == key } || shared.contains { $0.has(key) }
    }
}
