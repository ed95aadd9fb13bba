internal import Addresses
public import Platform

/// Which command a command line means, where it does not begin with one: in the place of `prometheus` and of
/// `prometheus-ecs-discovery` Narthex is started with their flags alone.
public enum CommandChoice {
    /// What a command line of ours begins with, besides a command.
    private static let rootWords: Set<String> = [
        "help", "-h", "--help", "--version", "--generate-completion-script", "--experimental-dump-help",
    ]

    /// A word of a command line as an error may show it: it may be a URL with a password or a token.
    static func shown(_ word: String) -> String {
        HTTPURL.shownStart(of: word).map { "\"\($0)\"" } ?? "a word with an @ in it"
    }

    /// The words with the command in front.
    ///
    /// `program` is the name that the process was started by, a path or not: a link named `prometheus` runs
    /// the agent, one named `prometheus-ecs-discovery` discovers. `commands` are the names of the commands.
    /// Throws when nothing tells what to do.
    public static func words(
        program: String, arguments: [String], commands: [String], environment: [String: String],
        files: any FileDoor = POSIXFiles()
    ) throws(CommandLineError) -> [String] {
        switch program.split(separator: "/").last {
        case "prometheus": return ["run"] + arguments
        case "prometheus-ecs-discovery": return ["discover"] + withFile(arguments)
        default: break
        }
        if let first = arguments.first {
            // ArgumentParser's own requests, for a shell's completion among them, have three dashes.
            if first == "discover", arguments.contains(where: isDiscoveryFlag) {
                return ["discover"] + withFile(Array(arguments.dropFirst()))
            }
            if commands.contains(first) || rootWords.contains(first) || first.hasPrefix("---") {
                return arguments
            }
            if first.hasPrefix("--generate-completion-script=") { return arguments }
            guard first.hasPrefix("-") || first.hasPrefix("@") else {
                throw CommandLineError("\(shown(first)) is no command")
            }
        }
        if arguments.contains(where: isDiscoveryFlag) { return ["discover"] + withFile(arguments) }
        if arguments.contains(where: namesConfiguration) { return ["run"] + arguments }
        let choice = ConfigurationPlace.choice(
            configFile: nil, remoteWriteURL: nil, environment: environment, files: files)
        if choice.place != .nowhere || choice.fault != nil { return ["run"] + arguments }
        let file = ConfigurationPlace.defaultFile(environment)
        let missing =
            "there is neither a command nor a configuration to run on: no --config.file, no "
            + "NARTHEX_REMOTE_WRITE_URL, no S3_CONFIG_LOCATION, and no "
            + (file.hasPrefix("/") ? file : "\(file) in the working directory")
        throw CommandLineError([missing] + FlagReading(arguments, files: files).faults)
    }

    /// The arguments of prometheus-ecs-discovery, which writes a file by default. Where one of our flags asks
    /// for something else, such as a table, no file is named.
    private static func withFile(_ arguments: [String]) -> [String] {
        let words = arguments.filter { $0.hasPrefix("-") }.map { word in
            let dashes = word.prefix { $0 == "-" }.count
            return String(word.dropFirst(dashes).prefix { $0 != "=" })
        }
        let others: Set<String> = [
            "config.write-to", "write-to", "config.file", "format", "all", "job", "help", "h", "version",
        ]
        return words.contains(where: others.contains)
            ? arguments : arguments + ["--config.write-to=ecs_file_sd.yml"]
    }

    /// With one dash, as prometheus-ecs-discovery's flags are written, and only its flags are.
    private static func isDiscoveryFlag(_ word: String) -> Bool {
        word.hasPrefix("-config.") && word.prefix { $0 != "=" } != "-config.file"
    }

    /// A flag that says what to run on, or a file that may hold one, or a request for the flags' help.
    private static func namesConfiguration(_ word: String) -> Bool {
        let name = word.prefix { $0 != "=" }
        return ["--config.file", "-config.file", "--remote-write.url", "-h"].contains(name)
            || ["--help", "--help-long", "--help-man", "--version"].contains(word) || word.hasPrefix("@")
    }
}
