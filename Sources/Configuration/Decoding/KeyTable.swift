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

    /// A key that Prometheus knows and this version does not act on.
    struct Refused: Sendable {
        let name: String
        /// The values that are let pass.
        let harmless: HarmlessValue
        /// Why, when "not yet" is not the reason.
        let reason: String?

        init(_ name: String, harmless: HarmlessValue = .empty, reason: String? = nil) {
            self.name = name
            self.harmless = harmless
            self.reason = reason
        }
    }

    /// The key whose value has this shape, for instance `remote_write`; `configuration file` for the top.
    let name: String
    let keys: [Key]
    let refused: [Refused]
    /// Tables whose keys stand in this block as well; the page lists them once, under their own names.
    let shared: [KeyTable]

    init(_ name: String, _ keys: [Key], refused: [Refused] = [], shared: [KeyTable] = []) {
        self.name = name
        self.keys = keys
        self.refused = refused
        self.shared = shared
    }

    /// Every key of the block, its own first.
    var allKeys: [Key] { keys + shared.flatMap(\.allKeys) }

    func has(_ key: String) -> Bool {
        keys.contains { $0.name == key } || shared.contains { $0.has(key) }
    }
}
