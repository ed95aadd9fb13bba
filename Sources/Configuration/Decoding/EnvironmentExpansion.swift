/// `${NAME}` and `${NAME:-DEFAULT}` replaced in the values of a tree, for `--config.expand-env`.
///
/// It works on the tree and not on the text, so that no value of a variable can change the structure. What
/// relabelling writes stays: `$1`, `${1}` and `$$`; `$${NAME}` is the text `${NAME}`. A variable that the
/// environment lacks is an error unless a default stands there.
struct EnvironmentExpansion {
    /// What all values together may grow by: a file of a megabyte could name a long variable a hundred
    /// thousand times.
    static let growthLimitBytes = 16 << 20

    private let environment: [String: String]
    private let sink: ErrorSink
    private var grownBytes = 0

    init(environment: [String: String], sink: ErrorSink) {
        self.environment = environment
        self.sink = sink
    }

    /// The tree with every value replaced; faults are reported, and their values stay.
    mutating func expanded(_ root: YAMLNode) -> YAMLNode { expanded(root, path: []) }

    /// `path` are the keys down to `node`, two at most: nothing below matters.
    private mutating func expanded(_ node: YAMLNode, path: [String]) -> YAMLNode {
        let content: YAMLNode.Content
        switch node.content {
        case .scalar(let text, let plain):
            guard text.utf8.contains(UInt8(ascii: "$")) else { return node }
            let isLabel = path == ["global", "external_labels"]
            let result = expanded(text, node, isExpandedAgain: isLabel)
            // A variable may give a number or a truth value, and never nothing: a password of `~` is one.
            let isNothing = YAMLNode(content: .scalar(text: result, plain: true), mark: node.mark).isNull
            content = .scalar(text: result, plain: plain && !isNothing)
        case .sequence(let items):
            var expandedItems: [YAMLNode] = []
            expandedItems.reserveCapacity(items.count)
            for item in items { expandedItems.append(expanded(item, path: path)) }
            content = .sequence(expandedItems)
        case .mapping(let entries):
            var expandedEntries: [YAMLNode.Entry] = []
            expandedEntries.reserveCapacity(entries.count)
            for entry in entries {
                let inner = path.count < 2 ? path + [entry.key.scalarText ?? ""] : path
                expandedEntries.append(
                    YAMLNode.Entry(key: entry.key, value: expanded(entry.value, path: inner)))
            }
            content = .mapping(expandedEntries)
        }
        return YAMLNode(content: content, mark: node.mark, expandedCount: node.expandedCount)
    }

    /// `isExpandedAgain`: `$NAME` and `$$` of the result have a meaning later on, so they are written for
    /// that.
    private mutating func expanded(_ text: String, _ node: YAMLNode, isExpandedAgain: Bool) -> String {
        var reading = ExpandedText(environment: environment, isExpandedAgain: isExpandedAgain)
        if let fault = reading.read(text) {
            sink.report(node, fault)
            return text
        }
        let (sum, isTooMuch) = grownBytes.addingReportingOverflow(reading.result.utf8.count)
        guard !isTooMuch, sum <= Self.growthLimitBytes else {
            sink.report(
                node,
                "the variables make more than \(Self.growthLimitBytes) bytes of the file; name long ones less"
                    + " often")
            return text
        }
        grownBytes = sum
        return reading.result
    }
}

/// One text with its variables replaced.
struct ExpandedText {
    private(set) var result = ""
    private let environment: [String: String]
    private let isExpandedAgain: Bool

    init(environment: [String: String], isExpandedAgain: Bool = false) {
        self.environment = environment
        self.isExpandedAgain = isExpandedAgain
    }

    /// Appends `text`; what is wrong with it, or nil.
    mutating func read(_ text: String) -> String? {
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$$") {
                let isEscape = rest.dropFirst(2).first == "{" && Self.name(rest.dropFirst(3)) != nil
                result += isEscape && !isExpandedAgain ? "$" : "$$"
                rest = rest.dropFirst(2)
                // The brace belongs to what was escaped.
                if isEscape {
                    result += "{"
                    rest = rest.dropFirst()
                }
                continue
            }
            guard rest.dropFirst().first == "{", let name = Self.name(rest.dropFirst(2)) else {
                result += "$"
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst(2 + name.count)
            if let fault = variable(String(name), &rest) { return fault }
        }
        result += rest
        return nil
    }

    /// `rest` stands behind the name.
    private mutating func variable(_ name: String, _ rest: inout Substring) -> String? {
        guard let close = rest.firstIndex(of: "}") else {
            return "the ${\(name) has no closing }; write $${ for the text ${"
        }
        let form = rest[..<close]
        rest = rest[rest.index(after: close)...]
        let value = environment[name]
        if form.isEmpty {
            guard let value else {
                return "the environment has no \(name); set it, or write ${\(name):-DEFAULT}"
            }
            append(value)
            return nil
        }
        guard form.hasPrefix(":-"), !form.contains("${") else {
            return "only ${NAME} and ${NAME:-DEFAULT} are replaced, and a default holds no other ${"
        }
        // As in a shell, the default replaces a variable that is empty, and one that is not set.
        append(value.flatMap { $0.isEmpty ? nil : $0 } ?? String(form.dropFirst(2)))
        return nil
    }

    private mutating func append(_ value: String) {
        result += isExpandedAgain ? value.replacing("$", with: "$$") : value
    }

    /// The name of a variable that `text` begins with, before a closing brace or a colon; nil for anything
    /// else, for instance the number of a group.
    private static func name(_ text: Substring) -> Substring? {
        let name = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        guard let first = name.first, !first.isNumber else { return nil }
        let next = text.dropFirst(name.count).first
        return next == "}" || next == ":" || next == nil ? name : nil
    }
}
