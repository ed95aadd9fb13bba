import ArgumentParser
import Platform

/// The benchmark harness: figures are ratios against budgets taken in one run.
@main
struct NarthexBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "narthex-bench",
        abstract: "Measures the stages in one process, and the whole agent under load.",
        subcommands: [
            StagesCommand.self, ProcessCommand.self, BigCommand.self, ManyCommand.self, ParseCommand.self,
            DistanceCommand.self, OutageCommand.self, StartCommand.self, RaceCommand.self,
            InstructionsCommand.self, BytesCommand.self,
        ])

    static func main() async {
        do throws(ProcessArguments.Fault) {
            await main(try ProcessArguments.words())
        } catch {
            exit(withError: ValidationError(error.description))
        }
    }

    /// Only called without a command.
    func run() async throws { throw ValidationError("a command is missing") }
}
