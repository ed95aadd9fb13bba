import MetricModel

/// Files of target groups, as `file_sd_configs` reads them: a YAML or JSON list of `targets` and `labels`.
public enum TargetGroupFile {
    /// The largest file that is read: some fifty thousand targets.
    public static let limitBytes = 16 << 20

    /// Decodes a file. Addresses are not looked at here, as in Prometheus: one bad target must not cost the others.
    /// `isJSON` allows what JSON has and YAML lacks: escaped surrogate pairs.
    public static func decode(
        _ bytes: [UInt8], file: String, isJSON: Bool
    ) throws(ConfigurationErrors) -> [StaticConfiguration] {
        let text = isJSON ? JSONEscapes.joiningSurrogates(bytes) : bytes
        let root = try YAMLFile.root(text, file: file, limits: .init(bytes: limitBytes, nodes: 1_000_000))
        guard let root, !root.isNull else { return [] }
        let sink = ErrorSink(file: file)
        var groups: [StaticConfiguration] = []
        if case .sequence(let items) = root.content {
            let decoder = TargetGroupDecoder(sink: sink, checksAddresses: false)
            groups = items.compactMap { decoder.group($0) }
        } else {
            sink.report(
                root,
                "a target file is a list of groups with targets and labels, but this is \(root.kindName)")
        }
        try sink.finish()
        return groups
    }
}

/// One target group, in a configuration or in a file.
struct TargetGroupDecoder {
    let sink: ErrorSink
    let checksAddresses: Bool

    func group(_ node: YAMLNode) -> StaticConfiguration? {
        guard !node.isNull else {
            sink.report(node, "an empty target group; it needs targets")
            return nil
        }
        guard let reader = MappingReader(node, Schema.staticConfig, sink) else { return nil }
        let targets = reader.strings("targets", of: "host:port")
        if checksAddresses {
            for (text, place) in targets {
                if let problem = TargetAddress.problem(text) { sink.report(place, problem) }
            }
        }
        return StaticConfiguration(targets: targets.map(\.text), labels: Checks.labels(reader, "labels"))
    }
}

/// JSON writes characters beyond the first 65,536 as two escapes; YAML has one escape of eight digits for them.
enum JSONEscapes {
    static func joiningSurrogates(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while let backslash = bytes[index...].firstIndex(of: 0x5C) {
            result += bytes[index..<backslash]
            if let high = escape(bytes, backslash), (0xD800..<0xDC00).contains(high),
                let low = escape(bytes, backslash + 6), (0xDC00..<0xE000).contains(low)
            {
                let scalar = 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)
                let digits = String(scalar, radix: 16)
                result += "\\U\(String(repeating: "0", count: 8 - digits.count))\(digits)".utf8
                index = backslash + 12
            } else {
                // Whatever is escaped here is not the beginning of the next escape.
                let end = min(backslash + 2, bytes.count)
                result += bytes[backslash..<end]
                index = end
            }
        }
        return result + bytes[index...]
    }

    /// The value of `\uXXXX` at `index`.
    private static func escape(_ bytes: [UInt8], _ index: Int) -> UInt32? {
        guard index + 6 <= bytes.count, bytes[index] == 0x5C, bytes[index + 1] == 0x75 else { return nil }
        return UInt32(String(decoding: bytes[(index + 2)..<(index + 6)], as: UTF8.self), radix: 16)
    }
}
