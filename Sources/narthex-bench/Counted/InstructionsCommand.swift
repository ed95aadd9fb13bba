import ArgumentParser
import StandIns

/// `narthex-bench instructions`: each stage over a fixed input, for callgrind to count.
///
/// Nothing that the stages are given depends on the clock or on chance, so that callgrind counts nearly the
/// same instructions in every run of one program. Tests/Integration/test_cost.py compares them with a table.
struct InstructionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "instructions",
        abstract: "Run stages over a fixed input, to have their instructions counted.",
        discussion: """
            Run it under valgrind, with SWIFT_DETERMINISTIC_HASHING=1 in the environment:

              valgrind --tool=callgrind --toggle-collect='$s13narthex_bench12countedStage*' \
            --dump-after='$s13narthex_bench12countedStage*' narthex-bench instructions

            Each line of the output names a stage, its samples and its units (scrapes, frames or requests). \
            Callgrind writes a file for each stage, in the order of these lines.

            'lines', 'front', 'buckets' and 'shuffle' are scrapes of a page of which a tenth changes each \
            time, in the ways of narthex-bench stages --churn-kind. 'messages' is 'lines' with protobuf.

            'network' and 'request' work on the agent's own kinds of threads, and callgrind is to count \
            these: --toggle-collect='$s8Platform12SystemThreadO5start*U_To'. 'all' leaves them out.
            """)

    enum Choice: String, CaseIterable, ExpressibleByArgument {
        case all, first, scrape, gzip, append, read, encode, snappy, together, packed, hash
        case lines, front, buckets, shuffle, messages
        case network, request
    }

    @Option(help: "The stage to run; the others run uncounted where it needs what they make.")
    var stage = Choice.all
    @Option(help: "Scrapes in each stage, save 'network' and 'request'.") var rounds = 4

    func validate() throws {
        guard (1...100).contains(rounds) else { throw ValidationError("--rounds is from 1 to 100") }
    }

    func run() async throws {
        for count in try await counts() {
            print("stage \(count.stage) samples \(count.samples) units \(count.units)")
        }
    }

    private func counts() async throws -> [CountedStages.Count] {
        let folder = try TemporaryFolder(name: "narthex-bench")
        defer { folder.remove() }
        if let kind = Churn.Kind(rawValue: stage.rawValue) { return [try churn(kind, folder)] }
        switch stage {
        case .messages: return [try churn(.lines, folder, isProtobuf: true)]
        case .network: return [try CountedScrapes().run()]
        case .request: return [try await CountedRequests(folder: folder.path).run()]
        case .all:
            let counts = try CountedStages(rounds: rounds, folder: "\(folder.path)/stages").run(counting: nil)
            let changing = try Churn.Kind.allCases.reduce(into: counts) { $0.append(try churn($1, folder)) }
            return changing + [try churn(.lines, folder, isProtobuf: true)]
        default:
            return try CountedStages(rounds: rounds, folder: "\(folder.path)/stages")
                .run(counting: stage.rawValue)
        }
    }

    private func churn(
        _ kind: Churn.Kind, _ folder: TemporaryFolder, isProtobuf: Bool = false
    ) throws -> CountedStages.Count {
        let name = isProtobuf ? "messages" : kind.rawValue
        return try CountedChurn(
            kind, isProtobuf: isProtobuf, rounds: rounds, folder: "\(folder.path)/\(name)"
        ).run()
    }
}
