/// The keys of one block of the schema. Decoding, messages and the test of docs/configuration.md all read these.
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
        /// Plain values that ask for nothing beyond what happens anyway, and are let pass.
        let harmless: [String]
        /// Why, when "not yet" is not the reason.
        let reason: String?

        init(_ name: String, harmless: [String] = [], reason: String? = nil) {
            self.name = name
            self.harmless = harmless
            self.reason = reason
        }
    }

    /// The key whose value has this shape, for instance `remote_write`; `configuration file` for the top.
    let name: String
    let keys: [Key]
    let refused: [Refused]

    init(_ name: String, _ keys: [Key], refused: [Refused] = []) {
        self.name = name
        self.keys = keys
        self.refused = refused
    }

    func has(_ key: String) -> Bool { keys.contains { $0.name == key } }
}

/// Which of a few names somebody meant.
enum Spelling {
    /// The candidate nearest to `word`, when it is near enough to be meant: a third of its letters, two at least.
    static func nearest(_ word: String, _ candidates: [String]) -> String? {
        // A long word is no misspelt key, and comparing it would cost time.
        guard word.utf8.count <= 64 else { return nil }
        let best = candidates.map { ($0, distance(Array(word.lowercased().utf8), Array($0.utf8))) }
            .min { $0.1 < $1.1 }
        guard let best, best.1 <= max(2, best.0.utf8.count / 3) else { return nil }
        return best.0
    }

    /// Insertions, deletions, replacements and swaps of neighbours from one to the other.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var row = [i + 1]
            for (j, b) in right.enumerated() {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a == b ? 0 : 1))
                if i > 0, j > 0, a == right[j - 1], left[i - 1] == b {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
