/// Collects what is wrong while decoding goes on, so that one run names everything.
final class ErrorSink {
    /// Enough to mend a file by; more would only be scrolled past.
    static let limit = 100
    /// Settings without effect that are told of; a file of many jobs may repeat one in each.
    static let ignoredLimit = 1_000

    let file: String
    private(set) var errors: [ConfigurationError] = []
    /// What deserves a look and does not hinder.
    private(set) var warnings: [ConfigurationError] = []
    /// What works and costs money or memory, or loses samples without a word.
    private(set) var lints: [ConfigurationError] = []
    /// What has no effect here.
    private(set) var ignored: [IgnoredSetting] = []
    /// True once an error found no room.
    private(set) var isFull = false

    init(file: String) { self.file = file }

    /// `message` is only made when there is room for it.
    func report(_ mark: YAMLMark, _ message: @autoclosure () -> String) {
        guard errors.count < Self.limit else {
            isFull = true
            return
        }
        let error = ConfigurationError(file: file, line: mark.line, column: mark.column, message: message())
        // A faulty node that several aliases name is decoded several times and reported once.
        if !errors.contains(error) { errors.append(error) }
    }

    func report(_ node: YAMLNode, _ message: @autoclosure () -> String) { report(node.mark, message()) }

    func warn(_ mark: YAMLMark, _ message: String) {
        guard warnings.count <= Self.limit else { return }
        warnings.append(
            warnings.count < Self.limit
                ? ConfigurationError(file: file, line: mark.line, column: mark.column, message: message)
                : more)
    }

    /// Stands behind the last of the warnings that found room.
    private var more: ConfigurationError {
        ConfigurationError(
            file: file, line: 0, column: 0, message: "there are more warnings of this kind than \(Self.limit)"
        )
    }

    func lint(_ mark: YAMLMark, _ message: String) {
        let lint = ConfigurationError(file: file, line: mark.line, column: mark.column, message: message)
        guard lints.count <= Self.limit, !lints.contains(lint) else { return }
        lints.append(lints.count < Self.limit ? lint : more)
    }

    func ignore(
        _ mark: YAMLMark, key: String, _ sentence: String, _ severity: IgnoredSetting.Severity
    ) {
        guard ignored.count < Self.ignoredLimit else { return }
        // A block that several YAML aliases refer to is decoded several times; its setting is listed once.
        guard !ignored.contains(where: { $0.line == mark.line && $0.column == mark.column && $0.key == key })
        else { return }
        ignored.append(
            IgnoredSetting(
                key: key, file: file, line: mark.line, column: mark.column, sentence: sentence,
                severity: severity))
    }

    /// The same for a setting of which only the decoder can tell that it has no effect.
    func ignore(_ mark: YAMLMark, _ setting: KeyTable.Ignored, in table: KeyTable) {
        ignore(mark, key: table.path(of: setting.name), setting.sentence, setting.severity)
    }

    /// Adds to what is told of a key without effect.
    func extendIgnored(_ key: String, _ more: String) {
        guard let index = ignored.firstIndex(where: { $0.key == key }) else { return }
        ignored[index].sentence += more
    }

    /// Makes every setting without effect an error.
    func refuseIgnored() {
        for setting in ignored {
            report(YAMLMark(line: setting.line, column: setting.column), setting.refusal.message)
        }
    }

    /// Throws when anything was reported, here or in files that this one includes.
    func finish(with others: [ConfigurationError] = []) throws(ConfigurationErrors) {
        guard !errors.isEmpty || !others.isEmpty else { return }
        if isFull {
            errors.append(
                ConfigurationError(
                    file: file, line: 0, column: 0, message: "there are more errors than these \(Self.limit)")
            )
        }
        throw ConfigurationErrors(errors + others)
    }
}

/// Text from a file, made fit for a message: quoted, on one line, cut.
func quoted(_ text: String) -> String {
    let kept = text.unicodeScalars.prefix(80)
    var result = "\""
    for scalar in kept {
        switch scalar {
        case "\"", "\\": result += "\\\(scalar)"
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case _
        where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.properties.isBidiControl:
            result += "\\u{\(String(scalar.value, radix: 16))}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + (kept.count < text.unicodeScalars.count ? "…\"" : "\"")
}
