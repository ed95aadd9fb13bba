import ArgumentParser

/// Proves the promises of the write-ahead buffer by breaking it. Each part prints its seed first, then what
/// it has counted by kind, and one line for each finding; it ends with 1 where there is one.
@main
struct Torture: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "narthex-torture",
        abstract: "Proves the promises of the write-ahead buffer by breaking it.",
        subcommands: [
            Points.self, Kills.self, ModelCheck.self, Faults.self, Flips.self, Races.self,
        ])
}

/// How much of its work a part does.
enum Scale: String, ExpressibleByArgument, CaseIterable {
    /// Some ten seconds, for each run of the tests.
    case short
    /// All of it.
    case long
}

/// The arguments that all parts share.
struct PartArguments: ParsableArguments {
    @Option(help: "Repeats a run: the seed that it has printed.")
    var seed: UInt64?

    @Option(help: "How much of the work is done: short or long.")
    var scale: Scale = .short

    @Option(help: "Stop after so many seconds, also where not everything has been tried; 0 means never.")
    var seconds: Double = 0

    @Option(help: "Write the counts and findings as JSON to this file as well.")
    var report: String?
}
