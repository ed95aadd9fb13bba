import Agent
import ArgumentParser
import Platform

/// The command line: a thin layer on Agent.
@main
struct Narthex: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "narthex",
        abstract: "Scrapes Prometheus exporters and ships what they say to a remote_write endpoint.",
        version: "narthex \(AgentVersion.current)",
        subcommands: [Run.self, Discover.self, ScrapeOnce.self, CredentialsCommand.self])

    static func main() async {
        // Still on the first thread: what follows waits for the two that Swift's runtime begins with, for
        // ever if they cannot be made.
        SystemThread.requireRoom(for: 2)
        do throws(ProcessArguments.Fault) {
            await run(Discover.normalized(try ProcessArguments.words()))
        } catch {
            exit(withError: ValidationError(error.description))
        }
    }

    /// Only called without a command.
    func run() async throws {
        throw ValidationError("a command is missing; to run the agent: narthex run [FLAGS]")
    }

    /// As ArgumentParser's `main(_:)`, but what an error quotes of the command line can be seen.
    private static func run(_ arguments: [String]) async {
        do {
            var command = try parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            let message = fullMessage(for: error)
            guard !exitCode(for: error).isSuccess, !message.isEmpty else { exit(withError: error) }
            StandardStreams.writeError(VisibleText.shownLines(message) + "\n")
            exit(withError: exitCode(for: error))
        }
    }
}
