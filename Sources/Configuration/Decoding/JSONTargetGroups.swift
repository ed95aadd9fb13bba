internal import JSON

/// The groups of a target file in JSON as nodes of the decoder. What is taken is what Prometheus takes, which
/// decodes with Go's encoding/json: the last of repeated keys counts, keys are matched whatever their case,
/// and null is an empty string where a string is due. Only strings are strings.
///
/// A group is turned into nodes when it is asked for, so that only one tree of the whole file is in memory.
struct JSONTargetGroups {
    /// The groups as they stand in the file, for `group` in this order: then places cost one walk.
    let nodes: [JSONNode]
    private let sink: ErrorSink
    private var places: JSONPlaceCursor

    /// Throws where the text is not a list in JSON; null is an empty list.
    init(_ bytes: [UInt8], sink: ErrorSink) throws(ConfigurationErrors) {
        self.sink = sink
        places = JSONPlaceCursor(bytes)
        guard bytes.count <= TargetGroupFile.limitBytes else {
            throw Self.fault(
                JSONPlace(offset: 0, in: bytes),
                "the file has \(bytes.count) bytes; at most \(TargetGroupFile.limitBytes) are read",
                file: sink.file)
        }
        try Self.checkBeginning(bytes, file: sink.file)
        do throws(JSONError) {
            let root = try JSONReader.read(bytes, nodeLimit: TargetGroupFile.nodeLimit, rules: .asGo)
            nodes = if case .array(let items) = root.content { items } else { [] }
        } catch {
            throw Self.fault(error.place, error.message, file: sink.file)
        }
    }

    /// What begins like no list of groups is told of in the user's terms: most often it is a file that a
    /// writer left empty, one group without its list, or a page of a web server.
    private static func checkBeginning(_ bytes: [UInt8], file: String) throws(ConfigurationErrors) {
        let start = bytes.firstIndex { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } ?? bytes.count
        let text = bytes[start...]
        if text.first == UInt8(ascii: "[") || text.starts(with: "null".utf8) { return }
        let what =
            text.isEmpty
            ? "it is empty"
            : text.starts(with: [0xEF, 0xBB, 0xBF])
                ? "it begins with a byte order mark; write it without one" : "it does not begin with ["
        throw fault(
            JSONPlace(offset: start, in: bytes), "no JSON list of target groups: \(what)", file: file)
    }

    private static func fault(_ place: JSONPlace, _ message: String, file: String) -> ConfigurationErrors {
        ConfigurationErrors([
            ConfigurationError(file: file, line: place.line, column: place.column, message: message)
        ])
    }

    /// The nodes of a group.
    mutating func group(_ node: JSONNode) -> YAMLNode {
        guard case .object(let members) = node.content else { return shape(node) }
        let mark = mark(node.offset)
        var entries = LastEntries()
        for member in members {
            // Upper case is the nearest to Go's folding: it makes an S of the long s, too.
            let folded = member.key.uppercased()
            let known = folded == "TARGETS" ? "targets" : folded == "LABELS" ? "labels" : nil
            let key = self.key(member, known)
            entries.put(key, known == nil ? shape(member.value) : strings(member.value))
        }
        return YAMLNode(content: .mapping(entries.all), mark: mark)
    }

    /// A list or a mapping of strings.
    private mutating func strings(_ node: JSONNode) -> YAMLNode {
        let mark = mark(node.offset)
        switch node.content {
        case .array(let items):
            return YAMLNode(content: .sequence(items.map { string($0) }), mark: mark)
        case .object(let members):
            var entries = LastEntries()
            for member in members { entries.put(key(member), string(member.value)) }
            return YAMLNode(content: .mapping(entries.all), mark: mark)
        default: return shape(node)
        }
    }

    /// What must be a string. Numbers and truth values are reported here, as the decoder takes them in YAML.
    private mutating func string(_ node: JSONNode) -> YAMLNode {
        let found = shape(node)
        switch node.content {
        case .null:
            return YAMLNode(content: .scalar(text: "", plain: false), mark: found.mark)
        case .bool, .number:
            sink.report(found, "this must be a string in double quotes, but it is \(found.kindName)")
            return found
        default: return found
        }
    }

    /// A node without what is inside it: enough to say what stands at a place where something else is due.
    private mutating func shape(_ node: JSONNode) -> YAMLNode {
        let content: YAMLNode.Content =
            switch node.content {
            case .null: .scalar(text: "null", plain: true)
            case .bool(let value): .scalar(text: value ? "true" : "false", plain: true)
            case .number(let text): .scalar(text: text, plain: true)
            case .string(let text): .scalar(text: text, plain: false)
            case .array: .sequence([])
            case .object: .mapping([])
            }
        return YAMLNode(content: content, mark: mark(node.offset))
    }

    private mutating func key(_ member: JSONNode.Member, _ known: String? = nil) -> YAMLNode {
        YAMLNode(content: .scalar(text: known ?? member.key, plain: false), mark: mark(member.offset))
    }

    private mutating func mark(_ offset: Int) -> YAMLMark {
        let place = places.place(offset)
        return YAMLMark(line: place.line, column: place.column)
    }
}

/// The members of an object, of which the last one with a name counts.
private struct LastEntries {
    private(set) var all: [YAMLNode.Entry] = []
    private var indices: [String: Int] = [:]

    mutating func put(_ key: YAMLNode, _ value: YAMLNode) {
        let entry = YAMLNode.Entry(key: key, value: value)
        if let index = indices.updateValue(all.count, forKey: key.scalarText ?? "") {
            indices[key.scalarText ?? ""] = index
            all[index] = entry
        } else {
            all.append(entry)
        }
    }
}
