import Agent
import ArgumentParser
import Platform

/// The command line: a thin layer on Agent.
@main
struct Narthex: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "narthex",
        abstract: "Scrapes Prometheus exporters and ships what they say to a remote_write endpoint.",
        version: AgentVersion.report,
        subcommands: [
            Run.self, CheckConfig.self, DoctorCommand.self, Discover.self, ScrapeOnce.self,
            CredentialsCommand.self, HealthcheckCommand.self, BufferCommand.self,
        ])

    static func main() async {
        // Before any thread, also those by which room for threads is asked for: each has an arena of its own
        // else, and with more than eight malloc keeps to its own limit, eight for each core, for ever.
        Heap.limitArenas(to: 2)
        // Still on the first thread: what follows waits for the two that Swift's runtime begins with, for
        // ever if they cannot be made.
        SystemThread.requireRoom(for: 2)
        do throws(ProcessArguments.Fault) {
            await main(try ProcessArguments.words())
        } catch {
            exit(withError: ValidationError(error.description))
        }
    }

    /// Chooses the command, and reads the flags of `run` as Prometheus does.
    private static func main(_ arguments: [String]) async {
        let words: [String]
        do throws(CommandLineError) {
            words = try CommandChoice.words(
                program: ProcessArguments.program, arguments: arguments,
                commands: commandNames, environment: ProcessEnvironment.current)
        } catch {
            refuse(error, saying: commands)
        }
        let isDoctor = words.first == name(DoctorCommand.self)
        guard isDoctor || words.first == name(Run.self) else { return await run(Discover.normalized(words)) }
        let command = isDoctor ? name(DoctorCommand.self) : name(Run.self)
        let given = Array(words.dropFirst())
        let split = isDoctor ? DoctorCommand.words(given) : (own: [], agent: given)
        let reading = FlagReading(split.agent)
        switch reading.page {
        case .help: await run([command, "--help"])
        case .version: await run(["--version"])
        case nil:
            let faults = reading.faults + Run.faults(reading.words)
            guard faults.isEmpty else {
                let usage = (isDoctor ? DoctorCommand.configuration : Run.configuration).usage ?? ""
                refuse(
                    CommandLineError(faults),
                    saying: "Usage: \(usage)\n  See 'narthex \(command) --help' for more.")
            }
            await run([command] + reading.words + split.own, saying: reading.remarks)
        }
    }

    /// Ends with the status of a wrong command line.
    private static func refuse(_ error: CommandLineError, saying advice: String) -> Never {
        StandardStreams.writeError(VisibleText.shownLines("Error: \(error.message)\n\(advice)\n"))
        exit(withError: ExitCode.validationFailure)
    }

    private static func name(_ command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? "\(command)".lowercased()
    }

    static var commandNames: [String] { configuration.subcommands.map(name) }

    /// The list of commands, for those who named none.
    private static var commands: String {
        (["To run the agent: narthex run [FLAGS]", "Commands (narthex help COMMAND says more):"]
            + configuration.subcommands.map { "  \(name($0)): \($0.configuration.abstract)" })
            .joined(separator: "\n")
    }

    /// As ArgumentParser's `main(_:)`, but what an error quotes of the command line can be seen.
    private static func run(_ arguments: [String], saying remarks: [FlagReading.Remark] = []) async {
        do {
            var command = try parseAsRoot(arguments)
            if let agent = command as? Run {
                try await agent.run(saying: remarks)
            } else if let doctor = command as? DoctorCommand {
                try await doctor.run(saying: remarks)
            } else if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            let message = fullMessage(for: error)
            guard !message.isEmpty else { exit(withError: error) }
            if exitCode(for: error).isSuccess { StandardOutput.end(with: message + "\n") }
            StandardStreams.writeError(VisibleText.shownLines(message) + "\n")
            exit(withError: exitCode(for: error))
        }
    }
}
