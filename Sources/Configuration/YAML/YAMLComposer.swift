/// Makes a tree of libyaml's events, with bounds on everything a hostile text could blow up.
struct YAMLComposer: ~Copyable {
    /// What a text may cost.
    struct Limits {
        var bytes: Int
        /// Lists and mappings inside each other; Prometheus' schema needs eight.
        var depth = 64
        /// Nodes visited when every alias is followed; the "billion laughs" stop here.
        var nodes: Int
    }

    private let parser: YAMLParser
    private let limits: Limits
    private var anchors: [String: YAMLNode] = [:]
    /// Anchors of nodes that are still being read: an alias to one would be a circle.
    private var open: Set<String> = []
    private var nodeCount = 0

    private init(_ bytes: [UInt8], limits: Limits) {
        parser = YAMLParser(bytes)
        self.limits = limits
    }

    /// The root of the only document; nil when the text holds none (nothing, or only comments).
    static func compose(_ bytes: [UInt8], limits: Limits) throws(YAMLSyntaxError) -> YAMLNode? {
        guard bytes.count <= limits.bytes else {
            throw YAMLSyntaxError(
                mark: YAMLMark(line: 1, column: 1),
                message: "the file has \(bytes.count) bytes; at most \(limits.bytes) are read")
        }
        var composer = YAMLComposer(bytes, limits: limits)
        var root: YAMLNode?
        while true {
            let event = try composer.parser.next()
            switch event.kind {
            case .streamEnd: return root
            case .documentStart:
                guard root == nil else {
                    throw YAMLSyntaxError(
                        mark: event.mark, message: "a second document begins here; a file holds one")
                }
                root = try composer.node(composer.parser.next(), depth: 0)
            default: break
            }
        }
    }

    private mutating func node(_ event: YAMLEvent, depth: Int) throws(YAMLSyntaxError) -> YAMLNode {
        nodeCount += 1
        guard depth < limits.depth else {
            throw YAMLSyntaxError(mark: event.mark, message: "nested deeper than \(limits.depth) levels")
        }
        if case .alias(let name) = event.kind { return try alias(name, event.mark) }
        if let anchor = event.anchor { open.insert(anchor) }
        let content: YAMLNode.Content
        var count = 1
        switch event.kind {
        case .scalar(let text, let plain):
            content = .scalar(text: text, plain: try isPlain(plain, tag: event.tag, event.mark))
        case .sequenceStart:
            try checkTag(event, "seq")
            var items: [YAMLNode] = []
            while case let next = try parser.next(), !next.isEnd {
                items.append(try node(next, depth: depth + 1))
                count = try counted(count, items[items.count - 1], next.mark)
            }
            content = .sequence(items)
        case .mappingStart:
            try checkTag(event, "map")
            var entries: [YAMLNode.Entry] = []
            while case let next = try parser.next(), !next.isEnd {
                let key = try node(next, depth: depth + 1)
                let value = try node(parser.next(), depth: depth + 1)
                count = try counted(counted(count, key, next.mark), value, next.mark)
                entries.append(YAMLNode.Entry(key: key, value: value))
            }
            content = .mapping(try merged(entries))
        default: throw YAMLSyntaxError(mark: event.mark, message: "a value is missing here")
        }
        let node = YAMLNode(content: content, mark: event.mark, expandedCount: count)
        if let anchor = event.anchor {
            open.remove(anchor)
            anchors[anchor] = node
        }
        return node
    }

    private func alias(_ name: String, _ mark: YAMLMark) throws(YAMLSyntaxError) -> YAMLNode {
        guard !open.contains(name) else {
            throw YAMLSyntaxError(mark: mark, message: "*\(name) stands inside what &\(name) names")
        }
        guard var node = anchors[name] else {
            throw YAMLSyntaxError(
                mark: mark, message: "*\(name) names nothing: there is no &\(name) before it")
        }
        node.mark = mark
        return node
    }

    private func counted(_ count: Int, _ node: YAMLNode, _ mark: YAMLMark) throws(YAMLSyntaxError) -> Int {
        // Each part is below the limit, so the sum cannot overflow.
        let sum = count + node.expandedCount
        guard sum <= limits.nodes, nodeCount <= limits.nodes else {
            throw YAMLSyntaxError(
                mark: mark, message: "more than \(limits.nodes) values, aliases followed")
        }
        return sum
    }

    /// `<<` takes over the entries of a mapping, or of several; what is written out wins, then the earlier
    /// mapping.
    private func merged(_ entries: [YAMLNode.Entry]) throws(YAMLSyntaxError) -> [YAMLNode.Entry] {
        guard entries.contains(where: { isMerge($0.key) }) else { return entries }
        var result = entries.filter { !isMerge($0.key) }
        var names = Set(result.compactMap { $0.key.scalarText })
        for entry in entries where isMerge(entry.key) {
            let sources: [YAMLNode]
            if case .sequence(let items) = entry.value.content {
                sources = items
            } else {
                sources = [entry.value]
            }
            for source in sources {
                guard case .mapping(let inherited) = source.content else {
                    throw YAMLSyntaxError(mark: source.mark, message: "<< takes a mapping, or a list of them")
                }
                for one in inherited {
                    guard let name = one.key.scalarText, names.insert(name).inserted else { continue }
                    result.append(one)
                }
            }
        }
        return result
    }

    private func isMerge(_ key: YAMLNode) -> Bool {
        if case .scalar("<<", plain: true) = key.content { return true }
        return false
    }

    private func isPlain(_ plain: Bool, tag: String?, _ mark: YAMLMark) throws(YAMLSyntaxError) -> Bool {
        switch tag {
        case nil: return plain
        case "!", "tag:yaml.org,2002:str": return false
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool",
            "tag:yaml.org,2002:null":
            return true
        case .some(let tag): throw unknownTag(tag, mark)
        }
    }

    private func checkTag(_ event: YAMLEvent, _ expected: String) throws(YAMLSyntaxError) {
        guard let tag = event.tag, tag != "!", tag != "tag:yaml.org,2002:\(expected)" else { return }
        throw unknownTag(tag, event.mark)
    }

    private func unknownTag(_ tag: String, _ mark: YAMLMark) -> YAMLSyntaxError {
        YAMLSyntaxError(mark: mark, message: "the tag \(tag) has no meaning here; remove it")
    }
}

extension YAMLEvent {
    fileprivate var isEnd: Bool {
        switch kind {
        case .sequenceEnd, .mappingEnd: true
        default: false
        }
    }
}

extension YAMLNode {
    /// The text of a scalar, quoted or not.
    var scalarText: String? {
        if case .scalar(let text, _) = content { return text }
        return nil
    }
}
