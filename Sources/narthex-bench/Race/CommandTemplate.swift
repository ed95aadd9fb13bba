/// The command line of an agent, in which a run puts its own files and addresses.
struct CommandTemplate: Equatable {
    /// What stands in braces in a command, and what a run puts there.
    enum Place: String, CaseIterable {
        /// The file of the configuration, in Prometheus' format.
        case config
        /// The folder where the agent may keep its data. It exists and is empty at the first start.
        case dir
        /// The host and port on which the agent may show its own pages.
        case listen
        /// Where remote write goes. A command that has this gets a configuration without `remote_write`.
        case url
    }

    struct Fault: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    /// The program and its arguments.
    let words: [String]

    init(words: [String]) { self.words = words }

    /// Splits a line at spaces as a shell does: quotes keep words together, a backslash keeps the next
    /// character. Nothing else of the shell is known, and nothing is expanded.
    ///
    /// Throws for a quote that does not end, an empty line, and a place in braces that does not exist.
    init(_ line: String) throws(Fault) {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var isEscaped = false
        for character in line {
            if isEscaped {
                word = (word ?? "") + String(character)
                isEscaped = false
            } else if character == "\\", quote != "'" {
                isEscaped = true
                word = word ?? ""
            } else if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if character == " " || character == "\t" {
                if let ended = word { words.append(ended) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        guard quote == nil, !isEscaped else {
            throw Fault(description: "a quote or a backslash has no end in '\(line)'")
        }
        if let ended = word { words.append(ended) }
        guard !words.isEmpty else { throw Fault(description: "a command has at least a program") }
        for word in words { try Self.check(word) }
        self.words = words
    }

    /// Whether the command names this place.
    func has(_ place: Place) -> Bool { words.contains { $0.contains("{\(place.rawValue)}") } }

    /// The words with every place filled in. What is filled in is not looked at again.
    func filled(_ value: (Place) -> String) -> [String] {
        words.map { word in
            var filled = ""
            var rest = word[...]
            while let open = rest.firstIndex(of: "{") {
                filled += rest[..<open]
                rest = rest[open...]
                if let close = rest.firstIndex(of: "}"),
                    let place = Place(rawValue: String(rest[rest.index(after: open)..<close]))
                {
                    filled += value(place)
                    rest = rest[rest.index(after: close)...]
                } else {
                    filled.append("{")
                    rest = rest.dropFirst()
                }
            }
            return filled + rest
        }
    }

    /// A lower-case word in braces is meant as a place; a misspelt one would reach the agent as it is.
    private static func check(_ word: String) throws(Fault) {
        var rest = word[...]
        while let open = rest.firstIndex(of: "{") {
            rest = rest[rest.index(after: open)...]
            guard let close = rest.firstIndex(of: "}") else { return }
            let name = rest[..<close]
            let isName = !name.isEmpty && name.allSatisfy { ("a"..."z").contains($0) }
            guard !isName || Place(rawValue: String(name)) != nil else {
                let known = Place.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", ")
                throw Fault(description: "'{\(name)}' is none of \(known)")
            }
        }
    }
}
