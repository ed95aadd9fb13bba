import ArgumentParser
import StandIns

/// `narthex-bench instructions`: each stage over a fixed input, on one thread, for callgrind to count.
///
/// Nothing that the stages are given depends on the clock or on chance, so that callgrind counts nearly the
/// same instructions in every run of one program. Tests/Integration/test_cost.py compares them with a table.
struct InstructionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "instructions",
        abstract: "Run stages over a fixed input on one thread, to have their instructions counted.",
        discussion: """
            Run it under valgrind, with SWIFT_DETERMINISTIC_HASHING=1 in the environment:

              valgrind --tool=callgrind --toggle-collect='$s13narthex_bench12countedStage*' \
            --dump-after='$s13narthex_bench12countedStage*' narthex-bench instructions

            Each line of the output names a stage, its samples and its units (scrapes, frames or requests). \
            Callgrind writes a file for each stage, in the order of these lines.
            """)

    enum Choice: String, CaseIterable, ExpressibleByArgument {
        case all, first, scrape, gzip, append, read, encode, snappy, together, packed, hash
    }

    @Option(help: "The stage to run; the others run uncounted where it needs what they make.")
    var stage = Choice.all
    @Option(help: "Scrapes in each stage.") var rounds = 4

    func validate() throws {
        guard (1...100).contains(rounds) else { throw ValidationError("--rounds is from 1 to 100") }
    }

    func run() throws {
        let folder = try TemporaryFolder(name: "narthex-bench")
        defer { folder.remove() }
        let stages = try CountedStages(rounds: rounds, folder: folder.path)
        for count in try stages.run(counting: stage == .all ? nil : stage.rawValue) {
            print("stage \(count.stage) samples \(count.samples) units \(count.units)")
        }
    }
}
