/// Tells of `${NAME}` in values of a configuration whose variables are not replaced: they are sent as they
/// stand, as in Prometheus.
enum UnexpandedVariables {
    /// Told of; a file may hold one in each job.
    private static let limit = 20
    /// `external_labels` have variables anyway, and what rules write is about their own groups.
    private static let excepted: Set<String> = ["external_labels", "replacement", "regex"]

    static func tell(of root: YAMLNode, _ sink: ErrorSink) {
        var count = 0
        tell(of: root, sink, &count)
    }

    private static func tell(of node: YAMLNode, _ sink: ErrorSink, _ count: inout Int) {
        guard count < limit else { return }
        switch node.content {
        case .scalar(let text, _):
            guard let name = name(in: text) else { return }
            count += 1
            sink.warn(
                node.mark,
                "${\(name)} stands as it is here: --config.expand-env replaces variables in every value")
        case .sequence(let items):
            for item in items { tell(of: item, sink, &count) }
        case .mapping(let entries):
            for entry in entries where !excepted.contains(entry.key.scalarText ?? "") {
                tell(of: entry.value, sink, &count)
            }
        }
    }

    /// The first `${NAME}` or `${NAME:-…}` of capitals, digits and underscores, as variables are named; nil
    /// without one. Nothing else of the text is ever shown: it may be a password.
    static func name(in text: String) -> String? {
        var rest = Substring(text).utf8
        while let dollar = rest.firstIndex(of: UInt8(ascii: "$")) {
            rest = rest[rest.index(after: dollar)...]
            guard rest.first == UInt8(ascii: "{") else { continue }
            let name = rest.dropFirst().prefix {
                (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
            }
            let end = rest[name.endIndex...].first
            if let first = name.first, !(0x30...0x39).contains(first), name.count <= 64,
                end == UInt8(ascii: "}") || end == UInt8(ascii: ":")
            {
                return String(Substring(name))
            }
        }
        return nil
    }
}
