/// A job of ECS Files Composer: files, each with its content or where to fetch it. The schema is that of
/// version 2 (ecs-files-input.json).
public struct ComposerJob: Sendable, Equatable {
    /// Files in one job; more are a mistake.
    static let fileLimit = 100

    /// One file.
    public struct File: Sendable, Equatable {
        /// Absolute, without `.` and `..`.
        public let path: String
        /// From 1; where its path stands in the document.
        public let line: Int
        public let column: Int
        /// Comes before `source`, as in the composer.
        public let content: String?
        /// Where the lines of `content` stand in the document; nil where they do not stand there as they are,
        /// for instance in quotes.
        public let contentPlace: Place?
        public let source: Source?
        public let isBase64: Bool
        /// `context: jinja2`
        public let isTemplate: Bool
        /// Whether the job goes on where the source cannot be read.
        public let ignoresFailure: Bool
        /// The permissions, 0 to 0o777.
        public let mode: UInt32
    }

    /// How far a text is moved in the document that holds it.
    public struct Place: Sendable, Equatable {
        public let linesBefore: Int
        public let columnsBefore: Int
    }

    /// Where a file's content is fetched from.
    public struct Source: Sendable, Equatable {
        public enum Kind: Sendable, Equatable {
            case parameter(String)
            case object(bucket: String, key: String)
            case secret(id: String, versionID: String?, versionStage: String?, jsonKey: String?)
            case web(url: String, username: String?, password: Secret?)
        }

        public let kind: Kind

        /// Whether it is a page, which may be anybody's.
        public var isWeb: Bool {
            if case .web = kind { true } else { false }
        }

        /// From `IamOverride`, the source's own or the job's.
        public let roleARN: String?
        public let externalID: String?
        public let region: String?
    }

    /// In the document's order; never empty.
    public let files: [File]
    /// What the composer would do and does not happen here.
    public let warnings: [ConfigurationError]

    /// Throws everything that is wrong with the job. `text` is what `root` was read from, and `masked` has
    /// the values of the expressions in it.
    init(
        _ root: YAMLNode, name: String, text: String, masked: JobTemplate.Masked?
    ) throws(ConfigurationErrors) {
        let reading = ComposerReading(
            sink: ErrorSink(file: name), lines: text.split(separator: "\n", omittingEmptySubsequences: false),
            masked: masked)
        files = reading.files(of: root)
        try reading.sink.finish()
        warnings = reading.sink.warnings
    }
}

/// Reads a job and collects what is wrong with it.
private struct ComposerReading {
    let sink: ErrorSink
    /// Of the document.
    let lines: [Substring]
    let masked: JobTemplate.Masked?

    private static let fileKeys = [
        "path", "content", "source", "encoding", "context", "mode", "owner", "group", "commands",
        "ignore_if_failed", "ignore_failure",
    ]
    private static let sourceKeys = [
        "Ssm": ["ParameterName"], "S3": ["S3Uri", "ComposeXUri", "BucketName", "BucketRegion", "Key"],
        "Secret": ["SecretId", "VersionId", "VersionStage", "JsonKey"],
        "Url": ["Url", "Username", "Password"],
    ]
    private static let roleKeys = ["RoleArn", "ExternalId", "RegionName", "SessionName"]
    private static let keyPair = ["AccessKeyId", "SecretAccessKey", "SessionToken"]

    func files(of root: YAMLNode) -> [ComposerJob.File] {
        var role: YAMLNode?
        var files: [ComposerJob.File] = []
        for (key, value) in entries(root, "the job") {
            switch key.scalarText ?? "" {
            case "files": continue
            case "IamOverride":
                role = value
                warnOfRole(value)
            case "certificates":
                sink.warn(key.mark, "certificates are not made here: bring them, or leave them out")
            default: sink.warn(key.mark, "\(quoted(key.scalarText ?? "")) has no meaning here")
            }
        }
        let list = root.entry("files").map { entries($0, "files") } ?? []
        guard list.count <= ComposerJob.fileLimit else {
            sink.report(root, "files holds \(list.count) files; at most \(ComposerJob.fileLimit) are taken")
            return []
        }
        for (key, value) in list {
            if let file = readFile(key, value, role) { files.append(file) }
        }
        if files.isEmpty, sink.errors.isEmpty { sink.report(root, "files names no file") }
        return files
    }

    private func readFile(_ key: YAMLNode, _ node: YAMLNode, _ role: YAMLNode?) -> ComposerJob.File? {
        guard let path = key.scalarText.map({ filled($0, key) }), path.hasPrefix("/"), !path.utf8.contains(0),
            !path.hasSuffix("/"),
            path.utf8.count <= 4_096,
            !path.split(separator: "/").contains(where: { [".", ".."].contains($0) })
        else {
            sink.report(
                key,
                "a file is named by its absolute path without . and .., as /etc/prometheus/prometheus.yml")
            return nil
        }
        guard case .mapping = node.content else {
            sink.report(
                node, "\(quoted(path)) takes a mapping with content or source, but this is \(node.kindName)")
            return nil
        }
        for (key, _) in entries(node, quoted(path)) where !Self.fileKeys.contains(key.scalarText ?? "") {
            sink.warn(key.mark, "\(quoted(key.scalarText ?? "")) has no meaning in a file of a job")
        }
        let source = node.entry("source").flatMap { $0.isNull ? nil : readSource($0, role) }
        var content = string(node, "content")
        // As in the composer: what is empty counts as not written where there is a source.
        if source != nil, content?.isEmpty ?? false { content = nil }
        if content == nil, node.entry("source")?.isNull ?? true {
            sink.report(node, "\(quoted(path)) has neither content nor source")
        }
        if node.entry("commands").map({ !$0.isEmpty }) ?? false {
            sink.warn(node.mark, "commands of \(quoted(path)) are not run: nothing else is started here")
        }
        let encoding = choice(node, "encoding", ["plain", "base64"])
        let context = choice(node, "context", ["plain", "jinja2"])
        return ComposerJob.File(
            path: path, line: key.mark.line, column: key.mark.column, content: content,
            contentPlace: encoding == "base64" || content == nil
                ? nil : node.entry("content").flatMap(contentPlace),
            source: source, isBase64: encoding == "base64", isTemplate: context == "jinja2",
            ignoresFailure: ignoresFailure(node), mode: mode(node))
    }

    /// Nil unless every line of a block scalar stands in the document, moved to the right.
    private func contentPlace(_ node: YAMLNode) -> ComposerJob.Place? {
        guard let text = node.scalarText else { return nil }
        let own = text.split(separator: "\n", omittingEmptySubsequences: false)
        let first = node.mark.line
        guard let written = own.firstIndex(where: { !$0.isEmpty }), first + written < lines.count else {
            return nil
        }
        let indent = lines[first + written].utf8.count - own[written].utf8.count
        guard indent >= 0 else { return nil }
        let space = String(repeating: " ", count: indent)
        for (index, line) in own.enumerated() where !line.isEmpty {
            guard first + index < lines.count, lines[first + index] == space + line else { return nil }
        }
        return ComposerJob.Place(linesBefore: first, columnsBefore: indent)
    }

    /// Says what of `IamOverride` has no effect.
    private func warnOfRole(_ node: YAMLNode) {
        guard !node.isNull else { return }
        for (key, _) in entries(node, "IamOverride") {
            let name = key.scalarText ?? ""
            if Self.keyPair.contains(name) {
                sink.warn(
                    key.mark,
                    "\(name) of IamOverride is not used: the agent's own role reads the source; give RoleArn"
                        + " for another")
            } else if !Self.roleKeys.contains(name) {
                sink.warn(key.mark, "\(quoted(name)) has no meaning in IamOverride")
            }
        }
    }

    private func readSource(_ node: YAMLNode, _ role: YAMLNode?) -> ComposerJob.Source? {
        let kinds = entries(node, "source")
        guard kinds.count == 1, let name = kinds[0].key.scalarText else {
            sink.report(node, "source takes one of Ssm, S3, Secret and Url")
            return nil
        }
        let value = kinds[0].value
        guard case .mapping = value.content else {
            sink.report(value, "\(quoted(name)) takes a mapping, but this is \(value.kindName)")
            return nil
        }
        for (key, _) in entries(value, quoted(name)) {
            let known = (Self.sourceKeys[name] ?? []) + ["IamOverride"]
            guard Self.sourceKeys[name] != nil, !known.contains(key.scalarText ?? "") else { continue }
            sink.warn(key.mark, "\(quoted(key.scalarText ?? "")) has no meaning in \(name)")
        }
        guard let kind = readKind(name, value, kinds[0].key) else { return nil }
        let own = value.entry("IamOverride").flatMap { $0.isNull ? nil : $0 }
        if let own { warnOfRole(own) }
        let who = own ?? role
        return ComposerJob.Source(
            kind: kind, roleARN: who.flatMap { string($0, "RoleArn") },
            externalID: who.flatMap { string($0, "ExternalId") },
            region: string(value, "BucketRegion") ?? who.flatMap { string($0, "RegionName") })
    }

    private func readKind(
        _ name: String, _ value: YAMLNode, _ key: YAMLNode
    ) -> ComposerJob.Source.Kind? {
        switch name {
        case "Ssm": return required(value, "ParameterName").map { .parameter($0) }
        case "S3":
            for form in ["S3Uri", "ComposeXUri"] {
                guard let uri = string(value, form) else { continue }
                return object(uri, value)
            }
            guard let bucket = required(value, "BucketName"), let key = required(value, "Key") else {
                return nil
            }
            return .object(bucket: bucket, key: key)
        case "Secret":
            return required(value, "SecretId").map {
                .secret(
                    id: $0, versionID: string(value, "VersionId"),
                    versionStage: string(value, "VersionStage"),
                    jsonKey: string(value, "JsonKey"))
            }
        case "Url":
            return required(value, "Url").map {
                .web(
                    url: $0, username: string(value, "Username"),
                    password: string(value, "Password").map { Secret($0) })
            }
        default:
            sink.report(key, "source takes one of Ssm, S3, Secret and Url, not \(quoted(name))")
            return nil
        }
    }

    /// `s3://bucket/key`, and ECS Compose-X' `bucket::key`.
    private func object(_ uri: String, _ node: YAMLNode) -> ComposerJob.Source.Kind? {
        let rest = uri.hasPrefix("s3://") ? uri.dropFirst(5) : Substring(uri)
        let separator = uri.hasPrefix("s3://") ? "/" : "::"
        guard let place = rest.firstRange(of: separator), place.upperBound < rest.endIndex else {
            sink.report(node, "\(quoted(uri)) names no object: write s3://bucket/key")
            return nil
        }
        return .object(bucket: String(rest[..<place.lowerBound]), key: String(rest[place.upperBound...]))
    }

    private func entries(_ node: YAMLNode, _ what: String) -> [(key: YAMLNode, value: YAMLNode)] {
        guard case .mapping(let entries) = node.content else {
            sink.report(node, "\(what) takes a mapping, but this is \(node.kindName)")
            return []
        }
        var seen: Set<String> = []
        return entries.compactMap { entry in
            let name = entry.key.scalarText ?? ""
            guard seen.insert(name).inserted else {
                sink.report(entry.key, "\(quoted(name)) stands twice in \(what)")
                return nil
            }
            return (entry.key, entry.value)
        }
    }

    private func string(_ node: YAMLNode, _ key: String) -> String? {
        guard let value = node.entry(key), !value.isNull else { return nil }
        guard let text = value.scalarText else {
            sink.report(value, "\(key) must be a string, but this is \(value.kindName)")
            return nil
        }
        return filled(text, value)
    }

    /// With the values of its expressions.
    private func filled(_ text: String, _ node: YAMLNode) -> String {
        masked?.filled(text) { fault in
            sink.report(YAMLMark(line: fault.line, column: fault.column), fault.message)
        } ?? text
    }

    private func required(_ node: YAMLNode, _ key: String) -> String? {
        if let text = string(node, key), !text.isEmpty { return text }
        if node.entry(key).map({ $0.isNull || $0.scalarText != nil }) ?? true {
            sink.report(node, "\(key) is missing here")
        }
        return nil
    }

    private func choice(_ node: YAMLNode, _ key: String, _ choices: [String]) -> String? {
        guard let text = string(node, key) else { return nil }
        if choices.contains(text) { return text }
        sink.report(
            node.entry(key) ?? node,
            "\(key) cannot be \(quoted(text)). Valid: \(choices.joined(separator: ", "))")
        return nil
    }

    /// A truth value, or a mapping with one for each step, of which only the download concerns us.
    private func ignoresFailure(_ node: YAMLNode) -> Bool {
        guard let value = node.entry("ignore_if_failed") ?? node.entry("ignore_failure") else { return false }
        let own = value.entry("source_download") ?? value
        return own.scalarText.map { filled($0, own) }.flatMap(YAMLScalar.bool) ?? false
    }

    /// The composer's default is 0644, and it takes what chmod does. Its owner's alone where that is no
    /// octal number. Bits beyond permissions are left out.
    private func mode(_ node: YAMLNode) -> UInt32 {
        guard let text = string(node, "mode") else { return 0o644 }
        guard let mode = UInt32(text, radix: 8), mode <= 0o7777 else {
            sink.warn(
                (node.entry("mode") ?? node).mark,
                "the mode \(quoted(text)) is no octal number such as \"0644\": the file gets 0600")
            return 0o600
        }
        return mode & 0o777
    }
}
