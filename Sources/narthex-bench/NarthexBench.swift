import ArgumentParser

/// The benchmark harness: figures are ratios against budgets taken in one run.
@main
struct NarthexBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "narthex-bench",
        abstract: "Measures the stages in one process, and the whole agent under load.",
        subcommands: [
            StagesCommand.self, ProcessCommand.self, BigCommand.self, ManyCommand.self, ParseCommand.self,
        ])
}
