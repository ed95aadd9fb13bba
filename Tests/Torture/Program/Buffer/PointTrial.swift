import Platform

/// Points that were tried, by kind of call and of variant.
struct PointCounts: Sendable {
    private struct Key: Hashable {
        let call: DoorCall.Kind
        let variant: String
    }

    private var byKind: [Key: (tried: Int, distinct: Int)] = [:]

    var tried: Int { byKind.values.reduce(0) { $0 + $1.tried } }
    var distinct: Int { byKind.values.reduce(0) { $0 + $1.distinct } }

    mutating func count(_ call: DoorCall.Kind, _ variant: String, isDistinct: Bool) {
        let key = Key(call: call, variant: variant)
        var counts = byKind[key] ?? (0, 0)
        counts.tried += 1
        counts.distinct += isDistinct ? 1 : 0
        byKind[key] = counts
    }

    mutating func add(_ other: PointCounts) {
        for (key, counts) in other.byKind {
            let own = byKind[key] ?? (0, 0)
            byKind[key] = (own.tried + counts.tried, own.distinct + counts.distinct)
        }
    }

    /// Distinct points by call and variant, for a report.
    var figures: [(String, Int)] {
        var figures: [(String, Int)] = []
        for call in DoorCall.Kind.allCases {
            for variant in CrashVariant.kinds {
                guard let counts = byKind[Key(call: call, variant: variant)] else { continue }
                figures.append(("\(call.rawValue), \(variant)", counts.distinct))
            }
        }
        return figures
    }

    /// A table: a row for each kind of call, with points tried and those that differ from all others.
    func print() {
        let titles = ["call"] + CrashVariant.kinds
        Swift.print(titles.map { Self.padded($0) }.joined())
        for call in DoorCall.Kind.allCases {
            let cells = CrashVariant.kinds.map { variant -> String in
                guard let counts = byKind[Key(call: call, variant: variant)] else { return "-" }
                return "\(counts.tried) (\(counts.distinct))"
            }
            if cells.contains(where: { $0 != "-" }) {
                Swift.print(([call.rawValue] + cells).map { Self.padded($0) }.joined())
            }
        }
        Swift.print("points tried, and in brackets those whose disk or whose promises differ from all others")
    }

    private static func padded(_ text: String) -> String {
        text + String(repeating: " ", count: max(1, 18 - text.count))
    }
}

/// Tries the crash points of one recording, each thread its share.
struct PointTrial: Sendable {
    struct Result: Sendable {
        var counts = PointCounts()
        var sentences: [String] = []
    }

    /// Points that a thread says to be wrong at most; the rest is told by the first.
    private static let mostSentences = 10

    let recording: Recording
    let threads: Int
    let deadlineNs: UInt64
    let prints: Bool

    /// A disk and what is promised of it: points that share both are one.
    private struct Identity: Hashable {
        let digest: Int
        let moment: Int
        let isPower: Bool
    }

    func run() -> [Result] {
        let results = ConditionQueue<Result>()
        for thread in 0..<threads {
            SystemThread.startOrExit(name: "points", stackSizeBytes: 4 << 20) { [self] in
                _ = results.push(share(thread))
            }
        }
        return (0..<threads).compactMap { _ in results.pop() }
    }

    private func share(_ thread: Int) -> Result {
        var result = Result()
        var states = CrashStates()
        let examination = Examination(recording)
        var known: Set<Identity> = []
        let clock = SystemClock()
        for call in recording.calls {
            if clock.monotonicNs >= deadlineNs || result.sentences.count >= Self.mostSentences { break }
            let moment = recording.moment(ofCall: call.number)
            states.forEachVariant(before: call, seed: recording.seed) { variant, image in
                let digest = image.digest
                guard Int(UInt(bitPattern: digest) % UInt(threads)) == thread else { return }
                let identity = Identity(digest: digest, moment: moment, isPower: variant.isPower)
                let isDistinct = known.insert(identity).inserted
                result.counts.count(call.kind, variant.kind, isDistinct: isDistinct)
                guard isDistinct, result.sentences.count < Self.mostSentences else { return }
                if prints { print(name(call, variant)) }
                if let complaint = complaint(examination, moment, variant, image) {
                    result.sentences.append(sentence(call, variant, moment, complaint))
                }
            }
            states.step(call)
        }
        return result
    }

    /// One point alone; nil where there is none of that name.
    func tryOne(call number: Int, variant wanted: String) -> Result? {
        var result: Result?
        var states = CrashStates()
        let examination = Examination(recording, prints: true)
        for call in recording.calls {
            guard call.number == number else {
                states.step(call)
                continue
            }
            let moment = recording.moment(ofCall: number)
            print("\(call.kind.rawValue) of \(call.path) in \"\(recording.moments[moment].what)\"")
            states.forEachVariant(before: call, seed: recording.seed) { variant, image in
                guard variant.description == wanted else { return }
                var own = Result()
                if let complaint = complaint(examination, moment, variant, image) {
                    own.sentences.append(sentence(call, variant, moment, complaint))
                }
                result = own
            }
            break
        }
        return result
    }

    /// Both configurations are tried where they differ.
    private func complaint(
        _ examination: Examination, _ moment: Int, _ variant: CrashVariant, _ image: DiskImage
    ) -> String? {
        let bounds = recording.bounds(inMoment: moment, isPower: variant.isPower)
        let crash = Examination.Crash(image: image, bounds: bounds, variant: variant, hasNewNames: true)
        if let complaint = examination.complaint(of: crash) { return complaint }
        let other = Examination.Crash(image: image, bounds: bounds, variant: variant, hasNewNames: false)
        guard other.names != crash.names else { return nil }
        return examination.complaint(of: other).map { "with the configuration of before: \($0)" }
    }

    private func name(_ call: DoorCall, _ variant: CrashVariant) -> String {
        "--seed \(recording.seed) --point \(recording.script)/\(call.number)/\(variant)"
    }

    private func sentence(
        _ call: DoorCall, _ variant: CrashVariant, _ moment: Int, _ complaint: String
    ) -> String {
        let file = call.path.split(separator: "/").last ?? ""
        return "\(name(call, variant)) (\(variant.kind), before \(call.kind.rawValue) of \(file) in "
            + "\"\(recording.moments[moment].what)\"): \(complaint)"
    }
}
