/// Tells of variables in values of a configuration that are not replaced: they are sent as they stand, as
/// in Prometheus. These are `${NAME}` without `--config.expand-env`, and in any case those of vmagent,
/// `%{NAME}`, and of the OpenTelemetry collector, `${env:NAME}`.
enum UnexpandedVariables {
    /// Told of; a file may hold one in each job.
    private static let limit = 20
    /// What rules write is about their own groups.
    private static let excepted: Set<String> = ["replacement", "regex"]

    /// `expands` says that `${NAME}` is replaced, and that what else begins so is an error by itself.
    static func tell(of root: YAMLNode, expands: Bool, _ sink: ErrorSink) {
        var count = 0
        tell(of: root, expands ? .whole : .none, sink, &count)
    }

    /// What is replaced in a value.
    private enum Replacement {
        case none
        /// `${NAME}`, and what else begins so is an error.
        case whole
        /// As in Prometheus: `${…}` of whatever is no name of a variable leaves nothing.
        case ofLabels
    }

    private static func tell(of node: YAMLNode, _ way: Replacement, _ sink: ErrorSink, _ count: inout Int) {
        guard count < limit else { return }
        switch node.content {
        case .scalar(let text, _):
            guard let message = message(about: text, way) else { return }
            count += 1
            sink.warn(node.mark, message)
        case .sequence(let items):
            for item in items { tell(of: item, way, sink, &count) }
        case .mapping(let entries):
            for entry in entries {
                let key = entry.key.scalarText ?? ""
                if excepted.contains(key) { continue }
                let isOfLabels = way == .none && key == "external_labels"
                tell(of: entry.value, isOfLabels ? .ofLabels : way, sink, &count)
            }
        }
    }

    private static func message(about text: String, _ way: Replacement) -> String? {
        // Nearly every value of a long list of targets: searching them for the openings took a quarter of the
        // start.
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "$") || $0 == UInt8(ascii: "%") }) else {
            return nil
        }
        for opening in way == .whole ? ["%{"] : ["%{", "${env:"] {
            guard let name = name(in: text, after: opening) else { continue }
            return switch way {
            case .ofLabels where opening == "${env:": "\(opening)\(name)} is empty here: write ${\(name)}"
            case .ofLabels: "\(opening)\(name)} stands as it is here: write ${\(name)}"
            case .none, .whole:
                "\(opening)\(name)} stands as it is here: write ${\(name)}, with --config.expand-env"
            }
        }
        guard way == .none, let name = name(in: text) else { return nil }
        return "${\(name)} stands as it is here: --config.expand-env replaces variables in every value"
    }

    /// The first `${NAME}` or `${NAME:-…}` of capitals, digits and underscores, as variables are named; nil
    /// without one. Another opening may stand for the `${`. Nothing else of the text is ever shown: it may
    /// be a password.
    static func name(in text: String, after opening: String = "${") -> String? {
        var rest = Substring(text).utf8
        while let start = rest.firstRange(of: opening.utf8) {
            rest = rest[start.upperBound...]
            let name = rest.prefix {
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
