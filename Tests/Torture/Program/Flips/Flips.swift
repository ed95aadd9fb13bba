import ArgumentParser
import Platform

@testable import WriteAheadBuffer

struct Flips: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flips", abstract: "Tries each bit flip and each truncation of a small buffer.",
        discussion: """
            A directory with a few segments, two cursors and the index is damaged in one place, started on \
            and read to the end. Only what needs the damaged place may be lost, and it is said and counted. \
            Short: one bit of each second byte and each second length, by the seed, of the directory that a \
            kill leaves; long: each bit and length, and the directory that a close leaves as well.
            """)

    /// One case in so many is started on a second time.
    private static let againEach = 16

    @OptionGroup var common: PartArguments

    @Option(name: .customLong("case"), help: "Try this case alone: what a finding names.")
    var only: String?

    func run() throws {
        let seed = CaseTally.seed(common)
        var tally = CaseTally(part: "flips", seed: seed)
        TrapTeller.begin()
        let ground = try FlipGround()
        try damage(ground.killed, ground, isClosed: false, seed, &tally)
        if common.scale == .long || only != nil {
            try damage(ground.closed, ground, isClosed: true, seed, &tally)
        }
        try tally.end(common)
    }

    private func damage(
        _ disk: FaultDisk, _ ground: FlipGround, isClosed: Bool, _ seed: UInt64, _ tally: inout CaseTally
    ) throws {
        let files = disk.files
        let whole = FlipLook(disk.fork(), ["everything"], wallMs: ground.wallMs)
        let frames = Dictionary(
            (whole.given["everything"] ?? []).map { ($0.start, $0.number) }, uniquingKeysWith: { $1 })
        let reference = FlipLook(disk.fork(), FlipGround.names, wallMs: ground.wallMs)
        let segments = files.keys.compactMap { path in
            BufferFileName.segmentNumber(String(path.dropFirst(FaultGround.directory.count + 1)))
        }
        let judge = FlipJudge(
            map: FlipMap(files, frames), reference: reference, last: segments.max() ?? 0,
            isClosed: isClosed, files: files)
        for problem in check(whole, reference, frames.count, segments.count) { tally.found(problem) }
        var index = 0
        for path in files.keys.sorted() {
            let bytes = files[path] ?? []
            for (name, damage) in Self.damages(bytes.count, common.scale, seed) {
                let title = "\(isClosed ? "closed" : "killed") \(path) \(name)"
                if let only, only != title { continue }
                index += 1
                if tally.isOver(common) {
                    tally.count("cases left out, as the time is over")
                    continue
                }
                TrapTeller.trying(title)
                let victim = disk.fork()
                switch damage {
                case .flip(let byte, let bit): victim.rot(path) { $0[byte] ^= 1 << UInt8(bit) }
                case .cut(let length): victim.cut(path, to: length)
                }
                let again = (index + Int(seed % 16)) % Self.againEach == 0 || only != nil
                let look = FlipLook(victim, FlipGround.names, wallMs: ground.wallMs, again: again)
                tally.count("cases")
                tally.count(Self.kind(path, damage, judge))
                for wrong in judge.wrong(look, path, damage) { tally.found("\(title): \(wrong)") }
            }
        }
    }

    /// What is found without any damage must be as it was made.
    private func check(
        _ whole: FlipLook, _ reference: FlipLook, _ frames: Int, _ segments: Int
    ) -> [String] {
        var problems: [String] = []
        for (name, look) in [("all frames", whole), ("the backlog", reference)] {
            if let failure = look.failure { problems.append("without a damage: \(name): \(failure)") }
            if let alarm = look.alarms.first {
                problems.append("without a damage: \(name): \(alarm.sentence)")
            }
            for given in look.given.values.joined() where !given.isRight {
                problems.append("without a damage: frame \(given.number) has another content")
            }
        }
        if frames < 20 || segments < 4 {
            problems.append("\(frames) frames in \(segments) segments show too little")
        }
        if reference.sent["d0"]?.isEmpty ?? true { problems.append("nothing is in flight") }
        return problems
    }

    private static func damages(
        _ length: Int, _ scale: Scale, _ seed: UInt64
    ) -> [(name: String, damage: FlipJudge.Damage)] {
        var generator = SplitMix64(seed: seed)
        var all: [(String, FlipJudge.Damage)] = []
        for byte in 0..<length {
            let draw = generator.next()
            let chosen = Int(draw % 8)
            let bits = scale == .long ? Array(0..<8) : draw & 8 == 0 ? [chosen] : []
            for bit in bits { all.append(("bit \(bit) of byte \(byte)", .flip(byte, bit: bit))) }
            if scale == .long || draw & 16 == 0 { all.append(("cut at \(byte)", .cut(byte))) }
        }
        return all
    }

    /// The class of a damage, for the counts.
    private static func kind(_ path: String, _ damage: FlipJudge.Damage, _ judge: FlipJudge) -> String {
        let name = String(path.dropFirst(FaultGround.directory.count + 1))
        guard let segment = BufferFileName.segmentNumber(name) else {
            let isCursor = BufferFileName.isCursor(name)
            if case .cut = damage { return "cuts of \(isCursor ? "cursors" : "other files")" }
            return "flips in \(isCursor ? "cursors" : "other files")"
        }
        switch damage {
        case .flip(let byte, _):
            return "flips in \(judge.map.record(segment, at: byte).map { "\($0.type)" } ?? "header") records"
        case .cut: return "cuts of \(segment == judge.last ? "the last segment" : "segments before others")"
        }
    }
}
