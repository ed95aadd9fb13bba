import Agent
import ArgumentParser
import Platform

/// What a command shows. A text of which a part is lost is no success.
enum StandardOutput {
    /// Throws when standard output takes not all of `text`, for instance on a full disk.
    static func write(_ text: String) throws(AgentError) {
        if let problem = StandardStreams.writeOutput(text) {
            throw AgentError(.output, "standard output cannot be written: \(problem)")
        }
    }

    /// The same for a page of help or the version, which ends the process.
    static func end(with text: String) -> Never {
        guard let problem = StandardStreams.writeOutput(text) else { Narthex.exit() }
        StandardStreams.writeError("standard output cannot be written: \(problem)\n")
        Narthex.exit(withError: ExitCode(AgentError.Code.output.rawValue))
    }
}
