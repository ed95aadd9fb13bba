import Agent
import ArgumentParser

/// The command line: a thin layer on Agent.
@main
struct Narthex: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "narthex",
        abstract: "Scrapes Prometheus exporters and ships what they say to a remote_write endpoint.",
        version: "narthex \(AgentVersion.current)",
        subcommands: [Run.self, Discover.self, ScrapeOnce.self, CredentialsCommand.self])

    static func main() async {
        await main(Discover.normalized(Array(CommandLine.arguments.dropFirst())))
    }
}
