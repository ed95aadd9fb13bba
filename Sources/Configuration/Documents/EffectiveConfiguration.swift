import Platform

/// A configuration as it takes effect: every key with its value or its default, and where that is from.
///
/// It is YAML again. Secrets are `<secret>`, URLs stand without user and query, and a default that no file
/// could hold (`found as for sigv4`) stands as a comment.
public struct EffectiveConfiguration: Sendable {
    /// A line each, with a newline at the end.
    public let text: String

    /// `text` is a configuration that loads, and `configuration` what it loads as; the other parameters are
    /// those of `Configuration.load`.
    public init(
        _ configuration: Configuration, text: [UInt8], file: String, shownAs: String? = nil,
        environment: [String: String], expandsEnvironment: Bool = false,
        including: ((String) -> IncludedFiles)? = nil
    ) throws(ConfigurationErrors) {
        let sink = ErrorSink(file: shownAs ?? file)
        let decoder = ConfigurationDecoder(
            sink: sink, folder: FilePath.folder(of: file), environment: environment,
            expandsEnvironment: expandsEnvironment)
        let root = decoder.expanded(try Self.root(text, sink.file))
        var writing = EffectiveWriting(
            global: root?.entry("global"), globalFile: sink.file, values: EffectiveValues(configuration))
        writing.write(root ?? Self.nothing, sink.file)
        for item in root?.entry("scrape_config_files")?.items ?? [] {
            guard let pattern = item.scalarText, let including,
                case .files(let found) = including(FilePath.resolve(pattern, from: decoder.folder))
            else { continue }
            for (path, bytes) in found {
                let own = ConfigurationDecoder(
                    sink: ErrorSink(file: path), folder: FilePath.folder(of: path), environment: environment,
                    expandsEnvironment: expandsEnvironment)
                writing.include(own.expanded(try Self.root(bytes, path)) ?? Self.nothing, path)
            }
        }
        try sink.finish()
        self.text = writing.lines.map { $0 + "\n" }.joined()
    }

    private static var nothing: YAMLNode {
        YAMLNode(content: .mapping([]), mark: YAMLMark(line: 1, column: 1))
    }

    private static func root(_ text: [UInt8], _ file: String) throws(ConfigurationErrors) -> YAMLNode? {
        let root = try YAMLFile.root(
            text, file: file, limits: .init(bytes: Configuration.limitBytes, nodes: 500_000))
        return root?.isNull ?? true ? nil : root
    }
}

/// Writes blocks by their tables.
private struct EffectiveWriting {
    private(set) var lines: [String] = []
    /// The block that jobs inherit from, and the file that it stands in.
    let global: YAMLNode?
    let globalFile: String
    /// What was decoded, for the keys whose value may be another than the written one.
    let values: EffectiveValues

    /// What was decoded of the block that is being written.
    private var decoded: [String: String] = [:]

    /// Blocks that take effect without being written.
    private static let always: Set<String> = ["global", "queue_config", "metadata_config", "limits"]

    init(global: YAMLNode?, globalFile: String, values: EffectiveValues) {
        self.global = global
        self.globalFile = globalFile
        self.values = values
    }

    /// The whole of a file. The jobs come last, so that those of other files can follow.
    mutating func write(_ root: YAMLNode, _ file: String) {
        let place = Place(file: file, indent: 0)
        for key in Schema.top.allKeys where key.name != "scrape_configs" { write(key, in: root, place) }
        writeIgnored(of: root, Schema.top, place)
        lines.append("scrape_configs:")
        include(root, file)
        if lines.last == "scrape_configs:" { lines[lines.count - 1] += " []" }
    }

    /// The jobs of a file.
    mutating func include(_ root: YAMLNode, _ file: String) {
        for item in root.entry("scrape_configs")?.items ?? [] {
            writeItem(item, Schema.scrapeConfig, Place(file: file, indent: 2))
        }
    }

    /// Where a block is written from and to.
    private struct Place {
        let file: String
        let indent: Int

        var deeper: Place { Place(file: file, indent: indent + 2) }
        var space: String { String(repeating: " ", count: indent) }

        func origin(_ node: YAMLNode) -> String { "  # \(VisibleText.shown(file)):\(node.mark.line)" }
    }

    private mutating func write(_ key: KeyTable.Key, in block: YAMLNode, _ place: Place) {
        // A 0 that means the inherited value is not the one in effect.
        guard let node = block.entry(key.name), !node.isNull, isInEffect(node, key) else {
            if Self.always.contains(key.name), let table = Schema.table(of: key) {
                lines.append("\(place.space)\(key.name):")
                writeBlockBelow(YAMLNode(content: .mapping([]), mark: block.mark), table, place.deeper)
            } else {
                writeDefault(key, place)
            }
            return
        }
        if let table = Schema.table(of: key) {
            writeBlocks(key, node, table, place)
        } else {
            writeValue(key.name, node, ShownValue(key), place)
        }
    }

    private func isInEffect(_ node: YAMLNode, _ key: KeyTable.Key) -> Bool {
        guard let value = decoded[key.name], let text = node.scalarText else { return true }
        return EffectiveValues.isSame(text, value, key)
    }

    private mutating func writeBlock(_ block: YAMLNode, _ table: KeyTable, _ place: Place) {
        // These two refuse a regex, even the default one.
        let action = block.entry("action")?.scalarText?.lowercased() ?? ""
        let refusesRegex = table.name == Schema.relabel.name && ["keepequal", "dropequal"].contains(action)
        let outer = decoded
        defer { decoded = outer }
        decoded = values.of(table, block.entry("job_name")?.scalarText)
        for key in table.allKeys where !(refusesRegex && key.name == "regex") {
            let hasNoEffect = table.ignored.contains { $0.name == key.name && !$0.mayHaveEffect }
            if !hasNoEffect { write(key, in: block, place) }
        }
        writeIgnored(of: block, table, place)
    }

    /// A block below its key, which stands in the last line.
    private mutating func writeBlockBelow(_ block: YAMLNode, _ table: KeyTable, _ place: Place) {
        let first = lines.count
        writeBlock(block, table, place)
        // With nothing but comments below it the key would have no value.
        if !hasValue(from: first) { lines[first - 1] += " {}" }
    }

    private func hasValue(from first: Int) -> Bool {
        lines[first...].contains { line in !line.drop { $0 == " " }.hasPrefix("#") }
    }

    private mutating func writeIgnored(of block: YAMLNode, _ table: KeyTable, _ place: Place) {
        for ignored in table.ignored where !ignored.mayHaveEffect {
            guard let node = block.entry(ignored.name), !node.isNull else { continue }
            lines.append("\(place.space)# \(ignored.name) has no effect\(place.origin(node))")
        }
    }

    private mutating func writeBlocks(
        _ key: KeyTable.Key, _ node: YAMLNode, _ table: KeyTable, _ place: Place
    ) {
        switch (key.type, node.content) {
        case ("list of mapping", .sequence(let items)):
            lines.append("\(place.space)\(key.name):" + (items.isEmpty ? " []" : ""))
            for item in items { writeItem(item, table, place.deeper) }
        case ("mapping of mapping", .mapping(let entries)):
            lines.append("\(place.space)\(key.name):" + (entries.isEmpty ? " {}" : ""))
            for entry in entries {
                lines.append("\(place.deeper.space)\(JSONText.quoted(entry.key.scalarText ?? "")):")
                writeBlockBelow(entry.value, table, place.deeper.deeper)
            }
        default:
            lines.append("\(place.space)\(key.name):")
            writeBlockBelow(node, table, place.deeper)
        }
    }

    /// An item of a list, its dash in front of its first key.
    private mutating func writeItem(_ item: YAMLNode, _ table: KeyTable, _ place: Place) {
        let first = lines.count
        writeBlock(item, table, place.deeper)
        guard hasValue(from: first) else {
            return lines.insert("\(place.space)- {}\(place.origin(item))", at: first)
        }
        let text = lines[first].drop { $0 == " " }
        if text.hasPrefix("#") {
            lines.insert("\(place.space)-", at: first)
        } else {
            lines[first] = "\(place.space)- \(text)"
        }
    }

    /// A default, an inherited value, or what is told of a default in words.
    private mutating func writeDefault(_ key: KeyTable.Key, _ place: Place) {
        let value = decoded[key.name]
        if let name = Schema.inheritedKey(key) {
            if let node = global?.entry(name), !node.isNull,
                node.scalarText.map({ text in value.map { EffectiveValues.isSame(text, $0, key) } ?? true })
                    ?? true
            {
                let from = Place(file: globalFile, indent: place.indent)
                return writeValue(key.name, node, ShownValue(key), from, note: ", global")
            }
            guard let inherited = Schema.global.allKeys.first(where: { $0.name == name }) else { return }
            return writeDefault(
                KeyTable.Key(key.name, inherited.type, inherited.defaultText), place)
        }
        if let text = Schema.literalDefault(key) {
            if let value, !EffectiveValues.isSame(text, value, key) {
                let why = EffectiveValues.reasons[key.name].map { ", \($0)" } ?? ""
                lines.append("\(place.space)\(key.name): \(value)  # default\(why)")
                return
            }
            lines.append("\(place.space)\(key.name): \(ShownValue.word(text))  # default")
        } else if !key.defaultText.isEmpty {
            lines.append("\(place.space)# \(key.name): \(key.defaultText)")
        }
    }

    private mutating func writeValue(
        _ name: String, _ node: YAMLNode, _ shown: ShownValue, _ place: Place, note: String = ""
    ) {
        let origin = place.origin(node) + note
        switch node.content {
        case .scalar, .sequence:
            lines.append("\(place.space)\(name): \(shown.inline(node))\(origin)")
        case .mapping(let entries):
            guard !entries.isEmpty else { return lines.append("\(place.space)\(name): {}\(origin)") }
            lines.append("\(place.space)\(name):\(origin)")
            for entry in entries {
                let key = entry.key.scalarText ?? ""
                // What was decoded has its variables replaced.
                let value =
                    name == "external_labels"
                    ? values.externalLabel(key).map {
                        YAMLNode(content: .scalar(text: $0, plain: false), mark: entry.value.mark)
                    } : nil
                writeValue(JSONText.quoted(key), value ?? entry.value, shown, place.deeper)
            }
        }
    }
}
