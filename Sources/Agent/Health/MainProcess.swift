import Platform

/// Process 1 of a container, where that is Narthex: its command line is the container's command, which
/// `narthex healthcheck` is not told.
struct MainProcess: Sendable, Equatable {
    /// Of a command line. Ours are short; the kernel takes megabytes.
    private static let limitBytes = 262_144
    private static let names = ["narthex", "prometheus", "prometheus-ecs-discovery"]

    /// The word that it was started by, and those behind it.
    let program: String
    let arguments: [String]
    /// Its working directory, as a path by which this process gets there.
    let directory: String

    /// What its command line asks for.
    enum Command {
        /// The agent, with these flags.
        case run(FlagReading)
        case discover
        /// Another command of Narthex, or none that can be told.
        case other
    }

    /// Nil where process 1 is another program, or this process itself, and where it cannot be looked at.
    /// `processes` is the directory that the kernel has them in (proc(5)).
    ///
    /// It is the same program where its file is this process' own. Whoever may not know which file it is, as
    /// another user, goes by its name.
    static func read(processes: String, files: any FileDoor) -> MainProcess? {
        let place = "\(processes)/1"
        // Anything may be in front of a file there, and nothing in it is worth an error of its own: without
        // process 1 the check looks where it would look anyway.
        guard let bytes = try? files.contents(of: "\(place)/cmdline", limitBytes: limitBytes),
            bytes.last == 0
        else { return nil }
        let words = bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false)
            .map { String(validating: $0, as: UTF8.self) }
        guard let program = words.first ?? nil, !program.isEmpty, !words.contains(nil) else { return nil }
        let own = (try? files.status("\(processes)/self/exe")) ?? nil
        let other = (try? files.status("\(place)/exe")) ?? nil
        if let own, let other {
            guard own == other else { return nil }
        } else {
            guard names.contains(where: { $0 == program.split(separator: "/").last ?? "" }) else {
                return nil
            }
        }
        let isReachable = ((try? files.status("\(place)/cwd")) ?? nil)?.isDirectory ?? false
        return MainProcess(
            program: program, arguments: words.dropFirst().compactMap(\.self),
            directory: isReachable ? "\(place)/cwd" : ".")
    }

    /// `commands` and `environment` as `CommandChoice` takes them; a container's processes have the same
    /// environment.
    func command(
        commands: [String], environment: [String: String], files: any FileDoor
    ) -> Command {
        // A command line that is wrong has ended the process, so there is nothing to say about it.
        guard
            let words = try? CommandChoice.words(
                program: program, arguments: arguments, commands: commands, environment: environment,
                files: files)
        else { return .other }
        switch words.first {
        case "run": return .run(FlagReading(Array(words.dropFirst()), files: files))
        case "discover": return .discover
        default: return .other
        }
    }

    /// The path as this process gets there.
    func reached(_ path: String) -> String { path.hasPrefix("/") ? path : "\(directory)/\(path)" }
}
