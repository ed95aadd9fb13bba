import ArgumentParser
import Glibc
import Platform

/// The workload of the crash points on a real file system, in a process that kills itself at a chosen call.
/// What it has left is examined as a crash point is. The process says how far it came with a byte for each
/// operation, in a file that outlives it.
struct Kills: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kills", abstract: "Tries a real SIGKILL at chosen system calls.")

    /// Kills of a short run and of a long one.
    private static let counts: [Scale: Int] = [.short: 300, .long: 5_000]
    private static let childTimeoutMs = 20_000

    @OptionGroup var common: PartArguments

    @Option(help: "Try this kill alone: SCRIPT/CALL, or SCRIPT/CALL+ for one in the middle of a write.")
    var point: String?

    @Option(help: .hidden)
    var child: String?

    func run() throws {
        if let child {
            try runChild(child)
            return
        }
        let seed = common.seed ?? Findings.newSeed()
        var findings = Findings(part: "kills", seed: seed)
        let folder = KillFolder()
        try folder.make()
        // What stays behind is a folder in memory.
        defer { try? folder.remove() }
        if let point {
            let (script, kill) = try Self.kill(point)
            let recording = Points.record(script, seed)
            let examination = Examination(recording, prints: true)
            let result = try attempt(kill, recording, examination, folder)
            if let complaint = result.complaint { findings.found(complaint) }
        } else {
            try tryAll(seed, folder, &findings)
        }
        guard try findings.conclude(common) else { throw ExitCode(1) }
    }

    private static func kill(_ text: String) throws -> (Script, CueDoor.Kill) {
        let isHalf = text.hasSuffix("+")
        let parts = (isHalf ? String(text.dropLast()) : text).split(separator: "/").map(String.init)
        guard parts.count == 2, let script = Script(rawValue: parts[0]), let call = Int(parts[1]), call >= 0
        else { throw ValidationError("a kill is SCRIPT/CALL or SCRIPT/CALL+, such as life/17") }
        return (script, CueDoor.Kill(call: call, isHalf: isHalf))
    }

    // MARK: the process that is killed

    private func runChild(_ folder: String) throws {
        guard let seed = common.seed, let point else {
            throw ValidationError("a child has --seed and --point")
        }
        let files = POSIXFiles()
        let progress = try files.open(KillFolder.progress(folder), .create)
        let (script, kill) = try Self.kill(point)
        let door = CueDoor(
            files, kill: kill,
            progress: { number in
                // What cannot be written is seen by who examines: the process then came less far.
                try? SpanBytes.write([1], to: progress, at: UInt64(number), files)
            })
        let workload = Workload(
            seed: seed, directory: KillFolder.buffer(folder), door: door, framesBytes: script.framesBytes)
        let recording = workload.record(script) { [] }
        for complaint in recording.complaints { print(complaint) }
        if !recording.complaints.isEmpty { throw ExitCode(1) }
    }

    // MARK: the process that examines

    private func tryAll(_ seed: UInt64, _ folder: KillFolder, _ findings: inout Findings) throws {
        let clock = SystemClock()
        let beganNs = clock.monotonicNs
        let deadlineNs = common.seconds > 0 ? beganNs + UInt64(common.seconds * 1e9) : UInt64.max
        let wanted = Self.counts[common.scale] ?? 0
        var dice = Dice(seed: seed, 11)
        var byKind: [DoorCall.Kind: Int] = [:]
        var (kills, halves) = (0, 0)
        // Each workload has its share, so that no run depends on one of them.
        let share = 100
        while kills < wanted, clock.monotonicNs < deadlineNs, findings.count == 0 {
            let number = kills / share
            let recording = Points.record(number % 3 == 1 ? .memory : .life, seed &+ UInt64(number))
            let examination = Examination(recording)
            for complaint in recording.complaints { findings.found(complaint) }
            for _ in 0..<share where clock.monotonicNs < deadlineNs {
                let call = recording.calls[dice.below(recording.calls.count)]
                let isHalf = call.kind == .write && dice.chance(50)
                let kill = CueDoor.Kill(call: call.number, isHalf: isHalf)
                let result = try attempt(kill, recording, examination, folder)
                if let complaint = result.complaint { findings.found(complaint) }
                kills += 1
                halves += isHalf ? 1 : 0
                byKind[call.kind, default: 0] += 1
            }
        }
        findings.figure("kills", kills)
        findings.figure("in the middle of a write", halves)
        for kind in DoorCall.Kind.allCases {
            if let count = byKind[kind] { findings.figure("before \(kind.rawValue)", count) }
        }
        findings.figure("milliseconds", Int((clock.monotonicNs - beganNs) / 1_000_000))
    }

    /// One process that is killed, and what it has left.
    private func attempt(
        _ kill: CueDoor.Kill, _ recording: Recording, _ examination: Examination, _ folder: KillFolder
    ) throws -> (complaint: String?, moment: Int) {
        try folder.clear()
        let point = "\(recording.script)/\(kill.call)\(kill.isHalf ? "+" : "")"
        let name = "--seed \(recording.seed) --point \(point)"
        do throws(ChildCommand.Fault) {
            _ = try ChildCommand.run(
                [
                    "/proc/self/exe", "kills", "--child", folder.path, "--seed", "\(recording.seed)",
                    "--point", point,
                ], environment: ProcessEnvironment.current, timeoutMs: Self.childTimeoutMs,
                outputLimitBytes: 1 << 20)
            return ("\(name): the process came to its end", 0)
        } catch {
            guard error == .signal(SIGKILL) else { return ("\(name): the process ended so: \(error)", 0) }
        }
        let moment = try folder.momentCount() - 1
        guard moment >= 0, moment < recording.moments.count else {
            return ("\(name): the process came to moment \(moment)", 0)
        }
        let variant: CrashVariant = kill.isHalf ? .diedTorn(bytes: 0) : .died
        let crash = Examination.Crash(
            image: try folder.image(), bounds: recording.bounds(inMoment: moment, isPower: false),
            variant: variant, hasNewNames: true)
        let complaint = examination.complaint(of: crash)
        return (complaint.map { "\(name) in \"\(recording.moments[moment].what)\": \($0)" }, moment)
    }
}

/// The folder that a process which is killed works in.
private struct KillFolder {
    /// More than any file of a workload has.
    private static let mostBytes = 64 << 20

    let path: String
    private let files = POSIXFiles()

    init() {
        // In memory, where there is such a file system.
        let status = try? POSIXFiles().status("/dev/shm")
        let base = status?.isDirectory ?? false ? "/dev/shm" : "/tmp"
        path = "\(base)/narthex-torture-\(getpid())"
    }

    static func buffer(_ folder: String) -> String { "\(folder)/buffer" }
    static func progress(_ folder: String) -> String { "\(folder)/progress" }

    func make() throws { try files.makeDirectory(Self.buffer(path)) }

    func clear() throws {
        for name in try files.list(Self.buffer(path)) { try files.remove("\(Self.buffer(path))/\(name)") }
        if try files.status(Self.progress(path)) != nil { try files.remove(Self.progress(path)) }
    }

    func remove() throws {
        try clear()
        // Safety: the paths live through the calls.
        _ = unsafe rmdir(Self.buffer(path))
        _ = unsafe rmdir(path)
    }

    /// How many operations have begun.
    func momentCount() throws -> Int { Int(try files.status(Self.progress(path))?.length ?? 0) }

    /// What was left, as the disk of an examination has it.
    func image() throws -> DiskImage {
        var image = DiskImage()
        for name in try files.list(Self.buffer(path)) {
            let source = "\(Self.buffer(path))/\(name)"
            guard let status = try files.status(source) else { continue }
            let inode = Int(status.inode)
            image.names["/buffer/\(name)"] = inode
            image.files[inode] = FileImage(
                bytes: try files.contents(of: source, limitBytes: Self.mostBytes),
                modifiedNs: status.modifiedNs)
        }
        return image
    }
}
