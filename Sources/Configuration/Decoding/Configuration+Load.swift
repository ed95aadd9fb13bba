import MetricModel

extension Configuration {
    /// The largest configuration that is read. Prometheus sets no bound; real files are a thousandth of this.
    public static let limitBytes = 1 << 20

    /// Decodes a configuration file. `file` is its path: errors name it, and relative paths inside are taken from its
    /// folder. `environment` gives `${NAME}` in `external_labels`. Throws every error of the file at once.
    public static func load(
        text: [UInt8], file: String, environment: [String: String]
    ) throws(ConfigurationErrors) -> Configuration {
        let sink = ErrorSink(file: file)
        let root = try YAMLFile.root(text, file: file, limits: .init(bytes: limitBytes, nodes: 500_000))
        let decoder = ConfigurationDecoder(
            sink: sink, folder: FilePath.folder(of: file), environment: environment)
        var result = decoder.decode(root)
        try sink.finish()
        result.warnings = sink.warnings
        return result
    }
}

/// A YAML file's root, with syntax errors in the module's own form.
enum YAMLFile {
    static func root(
        _ text: [UInt8], file: String, limits: YAMLComposer.Limits
    ) throws(ConfigurationErrors) -> YAMLNode? {
        do throws(YAMLSyntaxError) {
            return try YAMLComposer.compose(text, limits: limits)
        } catch {
            var errors = [
                ConfigurationError(
                    file: file, line: error.mark.line, column: error.mark.column, message: error.message)
            ]
            errors += dashes(text, file: file, before: error.mark.line)
            throw ConfigurationErrors(errors)
        }
    }

    /// Lines that begin with an en or em dash where a word processor or a web page replaced the hyphen of a list
    /// item. What libyaml says of these comes a line later and helps nobody.
    private static func dashes(_ text: [UInt8], file: String, before line: Int) -> [ConfigurationError] {
        var result: [ConfigurationError] = []
        var number = 1
        for bytes in text.split(separator: 0x0A, omittingEmptySubsequences: false).prefix(line) {
            let rest = bytes.drop { $0 == 0x20 }
            if rest.count > 3,
                [[0xE2, 0x80, 0x93, 0x20], [0xE2, 0x80, 0x94, 0x20]].contains(Array(rest.prefix(4)))
            {
                result.append(
                    ConfigurationError(
                        file: file, line: number, column: bytes.count - rest.count + 1,
                        message: "this line begins with a dash (–); a list item begins with a hyphen (-)"))
            }
            number += 1
        }
        return Array(result.prefix(10))
    }
}

/// The top of the file and the blocks that jobs and destinations inherit from.
struct ConfigurationDecoder {
    let sink: ErrorSink
    /// What relative paths are taken from.
    let folder: String
    let environment: [String: String]

    func decode(_ root: YAMLNode?) -> Configuration {
        guard let root, !root.isNull, let reader = MappingReader(root, Schema.top, sink) else {
            return Configuration()
        }
        let global = reader.value("global").map(global) ?? GlobalConfiguration()
        var result = Configuration(global: global)
        let scrapes = reader.list("scrape_configs", of: "jobs").compactMap { scrapeConfig($0, global) }
        unique(scrapes.map { ($0.value.jobName, $0.mark) }, what: "job_name")
        result.scrapeConfigs = scrapes.map(\.value)
        let writes = reader.list("remote_write", of: "destinations").compactMap(remoteWrite)
        unique(writes.map { ($0.value.name, $0.mark) }, what: "the name of a remote_write entry")
        result.remoteWrites = writes.map(\.value)
        if writes.isEmpty {
            sink.warn(
                reader.mark("remote_write"), "no remote_write: samples are kept until retention takes them")
        }
        return result
    }

    private func global(_ node: YAMLNode) -> GlobalConfiguration {
        var result = GlobalConfiguration()
        guard let reader = MappingReader(node, Schema.global, sink) else { return result }
        // As in Prometheus, 0 means unset.
        if let ms = reader.durationMs("scrape_interval", allowsZero: true), ms > 0 {
            result.scrapeIntervalMs = ms
        }
        result.scrapeTimeoutMs = timeoutMs(reader, intervalMs: result.scrapeIntervalMs, inheritedMs: 10_000)
        if let ms = reader.durationMs("evaluation_interval", allowsZero: true), ms > 0 {
            result.evaluationIntervalMs = ms
        }
        result.bodySizeLimitBytes = reader.sizeBytes("body_size_limit") ?? 0
        result.externalLabels = externalLabels(reader)
        return result
    }

    /// The timeout given, which may not exceed the interval; else the inherited one, lowered to the interval.
    func timeoutMs(_ reader: MappingReader, intervalMs: Int64, inheritedMs: Int64) -> Int64 {
        guard let ms = reader.durationMs("scrape_timeout", allowsZero: true), ms > 0 else {
            return min(inheritedMs, intervalMs)
        }
        if ms > intervalMs {
            reader.report(
                "scrape_timeout",
                "scrape_timeout (\(PrometheusDuration.text(ms: ms))) is longer than scrape_interval"
                    + " (\(PrometheusDuration.text(ms: intervalMs)))")
        }
        return ms
    }

    private func externalLabels(_ reader: MappingReader) -> LabelSet {
        var labels = Checks.labels(reader, "external_labels")
        for entry in reader.entries("external_labels", of: "label names and values") {
            guard let value = labels[entry.name] else { continue }
            let expansion = VariableExpansion(value, environment: environment)
            if let fault = expansion.fault { sink.report(entry.value, fault) }
            for name in expansion.unset {
                sink.warn(
                    entry.value.mark, "the environment has no \(name); it counts as empty in \(entry.name)")
            }
            labels[entry.name] = expansion.text
        }
        return labels
    }

    private func unique(_ names: [(name: String, mark: YAMLMark)], what: String) {
        var first: [String: YAMLMark] = [:]
        for (name, mark) in names where !name.isEmpty {
            if let other = first[name] {
                sink.report(
                    mark, "\(what) must be unique: \(quoted(name)) stands in line \(other.line) already")
            } else {
                first[name] = mark
            }
        }
    }
}

/// `$NAME` and `${NAME}` replaced, `$$` for a dollar: the rules of Go's os.Expand, but that a brace left open or empty
/// is a fault rather than swallowed.
struct VariableExpansion {
    private(set) var text = ""
    /// Names that the environment lacks or has empty.
    private(set) var unset: [String] = []
    private(set) var fault: String?

    init(_ source: String, environment: [String: String]) {
        var rest = Substring(source)
        while let dollar = rest.firstIndex(of: "$") {
            text += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            let name: Substring
            if rest.first == "{" {
                guard let close = rest.firstIndex(of: "}"), rest.dropFirst().startIndex != close else {
                    fault = "a ${ needs a name and a closing }; write $$ for a dollar"
                    return
                }
                name = rest[rest.index(after: rest.startIndex)..<close]
                rest = rest[rest.index(after: close)...]
            } else if let special = rest.first, "*#$@!?-0123456789".contains(special) {
                name = rest.prefix(1)
                rest = rest.dropFirst()
            } else {
                name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                rest = rest.dropFirst(name.count)
            }
            switch name {
            case "$": text += "$"
            case "": text += "$"
            default:
                let value = environment[String(name)] ?? ""
                if value.isEmpty { unset.append(String(name)) }
                text += value
            }
        }
        text += rest
    }
}
