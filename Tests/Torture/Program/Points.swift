import ArgumentParser
import Platform

/// A workload runs once on a disk in memory that keeps a journal of every call. Each call is a crash point,
/// and each has variants: what the disk has where the process died or the power went. A start is tried on
/// each.
struct Points: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "points", abstract: "Tries a crash before each system call, in many variants.")

    /// Distinct points of a short run.
    private static let shortPoints = 10_000
    /// Workloads of a long run.
    private static let longRuns = 100

    @OptionGroup var common: PartArguments

    @Option(help: "Try this point alone: SCRIPT/CALL/VARIANT, as a finding names it.")
    var point: String?

    @Option(help: "Threads that try points.")
    var threads: Int = 2

    @Flag(help: "Print each point before it is tried, for one that ends the process.")
    var trace = false

    func validate() throws {
        guard (1...64).contains(threads) else { throw ValidationError("--threads is 1 to 64") }
    }

    func run() throws {
        let seed = common.seed ?? Findings.newSeed()
        var findings = Findings(part: "points", seed: seed)
        if let point {
            try tryOne(point, seed, &findings)
        } else {
            tryAll(seed, &findings)
        }
        guard try findings.conclude(common) else { throw ExitCode(1) }
    }

    /// Runs the workload of a seed on a disk in memory.
    static func record(_ script: Script, _ seed: UInt64) -> Recording {
        let disk = JournalFiles(keepsJournal: true)
        let door = CueDoor(
            disk,
            failSync: { file in
                // It fails on purpose; the door throws.
                try? disk.failSync(file)
            })
        let workload = Workload(
            seed: seed, directory: "/buffer", door: door, framesBytes: script.framesBytes)
        return workload.record(script) { disk.journal }
    }

    private func tryAll(_ seed: UInt64, _ findings: inout Findings) {
        let clock = SystemClock()
        let beganNs = clock.monotonicNs
        let deadlineNs = common.seconds > 0 ? beganNs + UInt64(common.seconds * 1e9) : UInt64.max
        var counts = PointCounts()
        var (runs, calls) = (0, 0)
        while clock.monotonicNs < deadlineNs,
            common.scale == .long ? runs < Self.longRuns : counts.distinct < Self.shortPoints
        {
            let runSeed = seed &+ UInt64(runs)
            // The large frames are a case of their own, which one run shows as well as many.
            for script in Script.allCases where script != .large || runs == 0 {
                let recording = Self.record(script, runSeed)
                calls += recording.calls.count
                for complaint in recording.complaints {
                    findings.found("seed \(runSeed) \(script.rawValue): \(complaint)")
                }
                let results = PointTrial(
                    recording: recording, threads: threads, deadlineNs: deadlineNs, prints: trace
                ).run()
                for result in results {
                    counts.add(result.counts)
                    for sentence in result.sentences { findings.found(sentence) }
                }
            }
            runs += 1
            // What is wrong shows in one workload; the rest would repeat it.
            if findings.count > 0 { break }
        }
        counts.print()
        findings.figure("workloads", runs)
        findings.figure("system calls", calls)
        findings.figure("points", counts.tried)
        findings.figure("distinct points", counts.distinct)
        for (name, count) in counts.figures { findings.figure(name, count) }
        findings.figure("milliseconds", Int((clock.monotonicNs - beganNs) / 1_000_000))
    }

    private func tryOne(_ point: String, _ seed: UInt64, _ findings: inout Findings) throws {
        let parts = point.split(separator: "/").map(String.init)
        guard parts.count == 3, let script = Script(rawValue: parts[0]), let call = Int(parts[1]) else {
            throw ValidationError("a point is SCRIPT/CALL/VARIANT, such as life/17/died")
        }
        let recording = Self.record(script, seed)
        for complaint in recording.complaints { findings.found(complaint) }
        let trial = PointTrial(recording: recording, threads: 1, deadlineNs: .max, prints: true)
        guard let result = trial.tryOne(call: call, variant: parts[2]) else {
            throw ValidationError("seed \(seed) has no point \(point)")
        }
        for sentence in result.sentences { findings.found(sentence) }
    }
}
