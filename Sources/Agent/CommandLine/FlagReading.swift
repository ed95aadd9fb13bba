import Configuration
public import Platform

/// The flags of `narthex run` read as `prometheus` reads them (kingpin's grammar), with everything that is
/// wrong with them at once.
///
/// `--name=value` and `--name value` give a value, `--name` and `--no-name` turn a switch on and off, `@FILE`
/// stands for the arguments in a file, and `--` ends the flags. A flag that is not cumulative may stand once.
public struct FlagReading: Sendable {
    /// Something to be said in the log before the agent starts.
    public struct Remark: Sendable, Equatable {
        public let text: String
        public let isWarning: Bool
    }

    /// What somebody wants to read instead of a run.
    public enum Page: Sendable { case help, version }

    /// The flags that the command honours, written as `--name` or `--name=value`.
    public private(set) var words: [String] = []
    /// One for each reason: flags with the same reason share it.
    public var remarks: [Remark] {
        ignored.map { names, sentence in
            Remark(
                text: "\(names.joined(separator: ", ")) \(names.count == 1 ? "has" : "have") no effect: "
                    + sentence, isWarning: true)
        } + notes
    }
    /// A sentence each; empty when the command may run.
    public private(set) var faults: [String] = []
    public private(set) var page: Page?

    private var ignored: [(names: [String], sentence: String)] = []
    private var notes: [Remark] = []
    private var values: [String: [String]] = [:]
    private var rest: [String]
    private var argumentFiles: ArgumentFiles

    /// `arguments` are the words behind `run`; `files` reads what `@FILE` names.
    public init(_ arguments: [String], files: any FileDoor = POSIXFiles()) {
        // The first one last, so that taking one away costs nothing.
        rest = arguments.reversed()
        argumentFiles = ArgumentFiles(files: files)
        while page == nil, let word = next() { take(word) }
        settleStorage()
        faults += FlagGrammar.refusedFeatures(values["enable-feature"] ?? [])
    }

    /// What was given for a flag of this name, in order; a switch's values are `true` and `false`.
    func given(_ name: String) -> [String] { values[name] ?? [] }

    /// The next word; what files hold stands in their place.
    private mutating func next() -> String? {
        while let word = rest.popLast() {
            guard word.hasPrefix("@") else { return word }
            do throws(CommandLineError) {
                rest += try argumentFiles.arguments(for: word).reversed()
            } catch {
                if !faults.contains(error.message) { faults.append(error.message) }
            }
        }
        return nil
    }

    private mutating func take(_ word: String) {
        if word == "-h" { return page = .help }
        if word == "--" {
            faults += rest.reversed().map(Self.unexpected)
            return rest = []
        }
        guard word.hasPrefix("--") else { return takeOther(word) }
        let parts = word.dropFirst(2).split(
            separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        let written = parts.count == 2 ? String(parts[1]) : nil
        switch name {
        case "help", "help-long", "help-man": return page = .help
        case "version": return page = .version
        default: break
        }
        if let rule = FlagTable.rule(name) {
            if rule.value == .nothing {
                takeSwitch(rule, isOn: true, written)
            } else {
                takeValue(rule, written)
            }
        } else if name.hasPrefix("no-"), let rule = FlagTable.rule(String(name.dropFirst(3))),
            rule.value == .nothing
        {
            takeSwitch(rule, isOn: false, written)
        } else {
            unknown(name, written)
        }
    }

    private mutating func takeSwitch(_ rule: FlagRule, isOn: Bool, _ written: String?) {
        guard written == nil else {
            faults.append(
                "--\(rule.name) takes no value; write --\(rule.name) or --no-\(rule.name)")
            return
        }
        accept(rule, isOn ? "true" : "false", asWritten: isOn ? "--\(rule.name)" : "--no-\(rule.name)")
    }

    private mutating func takeValue(_ rule: FlagRule, _ written: String?) {
        // As in Prometheus a value that begins with a dash stands behind `=`.
        guard let value = written ?? nextValue() else {
            faults.append("--\(rule.name) needs a value: --\(rule.name)=VALUE")
            return
        }
        accept(rule, value, asWritten: "--\(rule.name)")
    }

    /// The next word where it is no flag.
    private mutating func nextValue() -> String? {
        guard let word = next() else { return nil }
        guard word.hasPrefix("-") else { return word }
        rest.append(word)
        return nil
    }

    private mutating func accept(_ rule: FlagRule, _ value: String, asWritten flag: String) {
        let isRepeated = values[rule.name] != nil
        values[rule.name, default: []].append(value)
        guard !isRepeated || rule.isCumulative else {
            let fault = "--\(rule.name) stands more than once; give it once"
            return faults.contains(fault) ? () : faults.append(fault)
        }
        if let fault = rule.fault(value) {
            faults.append("--\(rule.name): \(fault)")
            return
        }
        guard value != rule.plainValue else { return }
        switch rule.verdict {
        case .refused: faults.append("--\(rule.name) is refused: \(rule.sentence)")
        case .ignored: ignore(flag, rule.sentence)
        case .honoured where rule.value == .nothing:
            // What is always on cannot be turned off, and off is what others are without being given.
            if rule.plainValue == "true" {
                ignore(flag, rule.sentence)
            } else if value == "true" || rule.hasThirdState {
                words.append(flag)
            }
        case .honoured: if rule.name != "storage.tsdb.path" { handOn(flag, value) }
        }
    }

    /// In one word, so that a value may begin with a dash; an empty one stands by itself.
    private mutating func handOn(_ flag: String, _ value: String) {
        words += value.isEmpty ? [flag, ""] : ["\(flag)=\(value)"]
    }

    private mutating func ignore(_ flag: String, _ sentence: String) {
        if let index = ignored.firstIndex(where: { $0.sentence == sentence }) {
            ignored[index].names.append(flag)
        } else {
            ignored.append(([flag], sentence))
        }
    }

    /// A server's directory serves where none of an agent is given.
    private mutating func settleStorage() {
        guard let path = values["storage.tsdb.path"]?.first else { return }
        if values["storage.agent.path"] != nil {
            ignore("--storage.tsdb.path", "--storage.agent.path is given and names the buffer's directory")
        } else {
            handOn("--storage.agent.path", path)
            notes.append(
                Remark(
                    text:
                        "--storage.tsdb.path is the buffer's directory, since --storage.agent.path is absent",
                    isWarning: false))
        }
    }

    private mutating func takeOther(_ word: String) {
        guard word.hasPrefix("-"), word != "-" else { return faults.append(Self.unexpected(word)) }
        let name = String(word.dropFirst().prefix { $0 != "=" })
        if FlagTable.rule(name) != nil {
            faults.append("-\(name) has one dash; write --\(name)")
            skipValue(word)
        } else {
            unknown(name, word.contains("=") ? "" : nil, dashes: "-")
        }
    }

    /// Where the flags of vmagent begin that tell it what to scrape and where to ship.
    private static let vmagent = ["promscrape.", "remoteWrite.", "streamAggr."]

    private mutating func unknown(_ name: String, _ written: String?, dashes: String = "--") {
        if Self.vmagent.contains(where: name.hasPrefix) {
            faults.append(
                "\(dashes)\(name) is a flag of vmagent; docs/moving-from-vmagent.md says what to write")
        } else {
            let near = Spelling.nearest(name, FlagTable.all.map(\.name)).map { "; did you mean --\($0)?" }
            faults.append(
                "\(dashes)\(name) is no flag of narthex run or of prometheus"
                    + (near ?? "; narthex run --help lists the flags"))
        }
        if written == nil { skipValue(dashes + name) }
    }

    /// Passes over what may be the value of a flag that is wrong already, so that it is not a fault of its
    /// own.
    private mutating func skipValue(_ word: String) {
        guard !word.contains("="), let following = rest.last, !following.hasPrefix("-") else { return }
        rest.removeLast()
    }

    private static func unexpected(_ word: String) -> String {
        "\(CommandChoice.shown(word)) is not expected: narthex run takes flags only"
    }
}
