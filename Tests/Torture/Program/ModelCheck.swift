import ArgumentParser
import Platform

/// Random calls of a buffer beside a model of it, which is a few lists. What is wrong is repeated with fewer
/// calls until none can be left out.
struct ModelCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Tries the buffer against a model of it, with random calls.")

    /// Runs of a short form and of a long one.
    private static let counts: [Scale: Int] = [.short: 200, .long: 20_000]
    /// Runs that cutting a list of calls down may take.
    private static let mostCuts = 400

    @OptionGroup var common: PartArguments

    @Option(help: "Calls in each run.")
    var steps: Int = 300

    @Flag(help: "Print each call of one run, with what the buffer has behind it.")
    var trace = false

    func validate() throws {
        guard (1...100_000).contains(steps) else { throw ValidationError("--steps is 1 to 100000") }
    }

    func run() throws {
        let seed = common.seed ?? Findings.newSeed()
        var findings = Findings(part: "model", seed: seed)
        if trace {
            let list = ModelStep.list(steps, seed: seed)
            let (least, _) =
                Self.complaint(seed, list).map { Self.cutDown(seed, list, $0) } ?? (list, "")
            if let complaint = Self.complaint(seed, least, prints: true) { findings.found(complaint) }
            guard try findings.conclude(common) else { throw ExitCode(1) }
            return
        }
        let clock = SystemClock()
        let beganNs = clock.monotonicNs
        let deadlineNs = common.seconds > 0 ? beganNs + UInt64(common.seconds * 1e9) : UInt64.max
        var runs = 0
        while runs < Self.counts[common.scale] ?? 0, clock.monotonicNs < deadlineNs, findings.count < 3 {
            let runSeed = seed &+ UInt64(runs)
            let list = ModelStep.list(steps, seed: runSeed)
            if let complaint = Self.complaint(runSeed, list) {
                let (least, last) = Self.cutDown(runSeed, list, complaint)
                let calls = least.map { "\($0)" }.joined(separator: ", ")
                findings.found(
                    "--seed \(runSeed): \(complaint); with \(least.count) calls: \(last): \(calls)")
            }
            runs += 1
        }
        findings.figure("runs", runs)
        findings.figure("calls", runs * steps)
        findings.figure("milliseconds", Int((clock.monotonicNs - beganNs) / 1_000_000))
        guard try findings.conclude(common) else { throw ExitCode(1) }
    }

    private static func complaint(_ seed: UInt64, _ steps: [ModelStep], prints: Bool = false) -> String? {
        do {
            try ModelRun(seed: seed).run(steps, prints: prints)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Leaves out what is not needed for something to be wrong: halves, then smaller parts.
    private static func cutDown(
        _ seed: UInt64, _ steps: [ModelStep], _ complaint: String
    ) -> ([ModelStep], String) {
        var (least, last) = (steps, complaint)
        var part = max(1, steps.count / 2)
        var tries = 0
        while tries < mostCuts {
            var from = 0
            var hasCut = false
            while from < least.count, tries < mostCuts {
                let fewer = Array(least[..<from]) + Array(least[min(least.count, from + part)...])
                tries += 1
                if let wrong = Self.complaint(seed, fewer) {
                    (least, last) = (fewer, wrong)
                    hasCut = true
                } else {
                    from += part
                }
            }
            if part == 1, !hasCut { break }
            if !hasCut || part > least.count { part = max(1, part / 2) }
        }
        return (least, last)
    }
}
