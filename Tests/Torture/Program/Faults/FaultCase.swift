import Platform
import TestSupport

@testable import WriteAheadBuffer

/// One run with one fault, and its examination.
struct FaultCase {
    enum Ending: String, CaseIterable {
        /// The disk is healed, and the buffer goes on as if nothing had happened.
        case heals
        /// The same, and segments go by retention on the way.
        case healsRetained
        /// The buffer is closed while the disk fails, and the next start finds a good one.
        case closes
        /// The power goes while the disk fails.
        case losesPower
    }

    static let steps = 30
    /// Room for some segments, so that retention takes what the second destination is slow to read.
    private static let smallRetentionBytes: UInt64 = 8_000

    let plan: FaultPlan
    let ending: Ending

    /// As `--case` takes it.
    var name: String { "\(plan.first):\(plan.sort.rawValue):\(plan.extent.rawValue):\(ending.rawValue)" }

    init(_ plan: FaultPlan, _ ending: Ending) {
        self.plan = plan
        self.ending = ending
    }

    /// Reads `name`; nil where it is none.
    init?(_ name: String) {
        let parts = name.split(separator: ":").map(String.init)
        guard parts.count == 4, let first = Int(parts[0]), let sort = FaultSort(rawValue: parts[1]),
            let extent = FaultPlan.Extent(rawValue: parts[2]), let ending = Ending(rawValue: parts[3])
        else { return nil }
        self.init(FaultPlan(first: first, sort: sort, extent: extent), ending)
    }

    static func retentionBytes(_ ending: Ending) -> UInt64 {
        ending == .healsRetained ? smallRetentionBytes : 1 << 30
    }

    /// What the case has found: nothing, as a rule.
    func findings(_ ground: FaultGround) -> [String] {
        let disk = ground.disk.fork()
        let door = FaultDoor(to: disk)
        door.fail(plan)
        let run = ground.run(door, FaultGround.directory, retentionBytes: Self.retentionBytes(ending))
        guard run.start() else { return run.findings }
        run.work(steps: Self.steps)
        switch ending {
        case .heals, .healsRetained: FaultExam(run).heal { FaultDoor(to: disk.fork(losingPower: true)) }
        case .closes:
            run.closeWhileFailing()
            FaultExam(run).restart(FaultDoor(to: disk.fork()), .everyFrame)
        case .losesPower: FaultExam(run).restart(FaultDoor(to: disk.fork(losingPower: true)), .whatWasDurable)
        }
        return run.findings
    }

    /// The same on files of the kernel, in a folder of their own. There the power is never lost.
    func findings(_ ground: FaultGround, onFilesIn folder: String) throws -> [String] {
        let files = POSIXFiles()
        try files.makeDirectory(folder)
        for name in try files.list(folder) { try files.remove("\(folder)/\(name)") }
        for (path, bytes) in ground.disk.files {
            let name = String(path.dropFirst(FaultGround.directory.count + 1))
            let file = try files.open("\(folder)/\(name)", .create)
            // Safety: bytes have no padding.
            try unsafe files.write(bytes.span.bytes, to: file, at: 0)
            try files.close(file)
        }
        let door = FaultDoor(files)
        door.fail(plan)
        let run = ground.run(door, folder, retentionBytes: Self.retentionBytes(ending))
        guard run.start() else { return run.findings }
        run.work(steps: Self.steps)
        FaultExam(run).heal { FaultDoor(files) }
        return run.findings
    }
}

/// What every case begins with: the disk that two killed runs have left, and what is known of it.
struct FaultGround {
    static let directory = "/buffer"

    let disk: FaultDisk
    private let model: FaultModel
    private let wallMs: Int64
    private let seed: UInt64

    /// Runs twice without a fault, and ends each time as a kill does. nil where that finds something, which
    /// is told then.
    init?(seed: UInt64, _ tally: inout CaseTally) {
        var disk = FaultDisk()
        var model = FaultModel()
        var wallMs: Int64 = 1_700_000_000_000
        for name in ["d0", "d1"] { model.destinations[name] = FaultModel.Destination(first: 0) }
        for round in 0..<2 {
            let run = FaultRun(
                FaultDoor(to: disk), directory: Self.directory, model: model, wallMs: wallMs,
                seed: seed &+ UInt64(round))
            guard run.start() else {
                for finding in run.findings { tally.found("without a fault: \(finding)") }
                return nil
            }
            // No destination comes or goes by then.
            run.work(steps: 9)
            disk = disk.fork()
            model = run.model
            wallMs = run.clock.wallMs
            for finding in run.findings { tally.found("without a fault: \(finding)") }
            guard run.findings.isEmpty else { return nil }
        }
        self.disk = disk
        self.model = model
        self.wallMs = wallMs
        self.seed = seed
    }

    /// A run that goes on where these have ended.
    func run(_ door: FaultDoor, _ directory: String, retentionBytes: UInt64) -> FaultRun {
        FaultRun(
            door, directory: directory, model: model, wallMs: wallMs, seed: seed &+ 7,
            retentionBytes: retentionBytes)
    }

    /// The calls of a run without a fault.
    func calls(_ ending: FaultCase.Ending, _ tally: inout CaseTally) -> [FaultCall] {
        let door = FaultDoor(to: disk.fork())
        door.recordCalls()
        let run = run(door, Self.directory, retentionBytes: FaultCase.retentionBytes(ending))
        guard run.start() else { return [] }
        run.work(steps: FaultCase.steps)
        for finding in run.findings { tally.found("without a fault, \(ending.rawValue): \(finding)") }
        return door.calls
    }
}
