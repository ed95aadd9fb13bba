import ArgumentParser
import Glibc
import Platform

struct Faults: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "faults", abstract: "Tries a fault at each system call.",
        discussion: """
            A buffer starts on what two killed runs have left, takes frames, has them answered, is made \
            durable and reloaded. Each case lets one call fail, or what comes within 25 calls, or everything \
            until the disk is healed. Short: each call once, and each seventh for the others. Some cases are \
            tried on the kernel's files in /dev/shm as well.
            """)

    /// Of the cases with longer faults, the short form tries one in so many.
    private static let sparse = 7
    /// One case in so many is tried on the kernel's files.
    private static let realEach = (short: 101, long: 23)

    @OptionGroup var common: PartArguments

    @Option(name: .customLong("case"), help: "Try this case alone: what a finding names.")
    var only: String?

    func validate() throws {
        guard let only else { return }
        guard FaultCase(only) != nil else { throw ValidationError("\(only) is no case") }
        guard common.seed != nil else { throw ValidationError("--case wants the --seed of its run") }
    }

    func run() throws {
        let seed = CaseTally.seed(common)
        var tally = CaseTally(part: "faults", seed: seed)
        TrapTeller.begin()
        guard let ground = FaultGround(seed: seed, &tally) else { return try tally.end(common) }
        let folder = "/dev/shm/narthex-torture-\(getpid())"
        defer { Self.remove(folder) }
        if let only, let one = FaultCase(only) {
            try attempt(one, ground, &tally)
            if one.ending == .heals || one.ending == .healsRetained {
                try attempt(one, ground, onFilesIn: folder, &tally)
            }
            return try tally.end(common)
        }
        let realEach = common.scale == .short ? Self.realEach.short : Self.realEach.long
        for (index, one) in cases(ground, seed, &tally).enumerated() {
            if tally.isOver(common) {
                tally.count("cases left out, as the time is over")
                continue
            }
            try attempt(one, ground, &tally)
            let isReal = (index + Int(seed % 101)) % realEach == 0
            if isReal, one.ending == .heals || one.ending == .healsRetained {
                try attempt(one, ground, onFilesIn: folder, &tally)
            }
        }
        try tally.end(common)
    }

    /// Every case of the matrix, or for the short form those that the seed chooses.
    private func cases(_ ground: FaultGround, _ seed: UInt64, _ tally: inout CaseTally) -> [FaultCase] {
        var cases: [FaultCase] = []
        let calls = ground.calls(.heals, &tally)
        let retained = ground.calls(.healsRetained, &tally)
        tally.count("calls of a run", calls.count)
        for number in 0..<max(calls.count, retained.count) {
            for sort in FaultSort.allCases {
                for extent in FaultPlan.Extent.allCases {
                    let draw = UInt64(number) &* 31 &+ UInt64(sort.errno) &+ seed
                    let isDrawn = draw % UInt64(Self.sparse) == 0
                    guard extent == .once || common.scale == .long || isDrawn else { continue }
                    let plan = FaultPlan(first: number, sort: sort, extent: extent)
                    for ending in endings(draw, extent) {
                        let calls = ending == .healsRetained ? retained : calls
                        // Once is only what this very call may meet.
                        guard number < calls.count, extent != .once || sort.meets(calls[number]) else {
                            continue
                        }
                        cases.append(FaultCase(plan, ending))
                    }
                }
            }
        }
        return cases
    }

    private func endings(_ draw: UInt64, _ extent: FaultPlan.Extent) -> [FaultCase.Ending] {
        if common.scale == .long { return FaultCase.Ending.allCases }
        let all = FaultCase.Ending.allCases
        // A fault of one call is over long before the end: how the run ends tells less.
        guard extent != .once else { return draw % 4 == 0 ? [.healsRetained] : [.heals] }
        return [all[Int(draw / UInt64(Self.sparse) % UInt64(all.count))]]
    }

    private func attempt(_ one: FaultCase, _ ground: FaultGround, _ tally: inout CaseTally) throws {
        TrapTeller.trying(one.name)
        tally.count("\(one.plan.sort.rawValue), \(one.plan.extent.rawValue)")
        tally.count("cases")
        for finding in one.findings(ground) { tally.found("\(one.name) \(finding)") }
    }

    private func attempt(
        _ one: FaultCase, _ ground: FaultGround, onFilesIn folder: String, _ tally: inout CaseTally
    ) throws {
        TrapTeller.trying("\(one.name) on files")
        tally.count("cases on the kernel's files")
        for finding in try one.findings(ground, onFilesIn: folder) {
            tally.found("\(one.name) on files: \(finding)")
        }
    }

    private static func remove(_ folder: String) {
        let files = POSIXFiles()
        // What is left is in /dev/shm, and bounded.
        for name in (try? files.list(folder)) ?? [] { try? files.remove("\(folder)/\(name)") }
        // Safety: the path lives through the call.
        unsafe rmdir(folder)
    }
}
