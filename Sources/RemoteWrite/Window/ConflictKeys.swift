internal import MetricModel
internal import Platform

/// What must not fly at once: two frames with a key in common leave one after the other, as they may hold
/// the same series.
///
/// A target's key is a hash of its own labels without `job` and without external labels, so that one
/// target keeps its order under two jobs, and before and after a change of external labels. Where series
/// of a frame lack one of these labels (`honor_labels`, `labeldrop`), another target of the job may have
/// the same series: such frames have one more key, the job's. Series that only `write_relabel_configs`
/// make equal are not ordered, as in Prometheus.
///
/// Where a rule has removed labels from all scraped series (`labeldrop: task_arn`), only targets whose other
/// own labels are equal may have the same series: the job's key then has these labels in it (it is narrow),
/// so that the frames of such a job are not sent one by one. That ends for a job with the first frame whose
/// series lack own labels in another way: each later frame of the job that needs a job's key has the wide
/// one, which is a hash of the job alone. Frames that were read before keep their narrow keys. So the first
/// frame that waits with the wide key has these narrow keys as well, and waits until the frames before it
/// are answered for; all later frames with the wide key wait behind it.
///
/// A frame whose series all have the target's own labels has no job's key. It may share a series with
/// another target only where the targets of a job have labels of different names, or where `honor_labels`
/// keeps an exposition's labels that are those of another target. Such frames are not ordered.
struct ConflictKeys: Sendable {
    struct Keys: Equatable, Sendable {
        let target: UInt64
        /// Nil when every series has the target's own labels. The job's, as far as targets may share series.
        var job: UInt64?
        /// Narrow keys of earlier frames of the job, where `job` is the wide key: none of them twice.
        var former: [UInt64] = []
    }

    private struct Known {
        weak var chunk: LayoutChunk?
        /// Bit i: some series lacks the target's label i.
        let lacking: UInt64
        /// Bit i: every series lacks it.
        let lackedByAll: UInt64
    }

    private struct Weak {
        weak var object: LayoutChunk?
    }

    /// How series of a frame lack own labels of their target.
    private enum Lack {
        case nothing
        /// Some series lack labels of the target. All of those lack the same labels, given as bits (bit i is
        /// the target's label i), and have no labels of their own with these names.
        case dropped(UInt64)
        case unlike
    }

    /// By the target's id.
    private var targets: [UInt64: UInt64] = [:]
    /// By the chunk's identity. Another chunk may have the identity of one that is gone, so each entry holds
    /// a weak reference to its chunk.
    private var chunks: [ObjectIdentifier: Known] = [:]
    /// The names of labels in a chunk beside the target's; nil for bytes that are no labels.
    private var names: [ObjectIdentifier: (chunk: Weak, names: Set<String>?)] = [:]
    /// Jobs with frames whose series lack own labels in different ways.
    private var mixedJobs: Set<String> = []
    private var narrow = NarrowKeys(most: mostKnown)
    /// Whether layouts state a series twice, by a hash of their chunks' contents.
    private var repeating: [UInt64: Bool] = [:]
    /// Entries of `chunks` since those of chunks that are gone were looked for.
    private var additions = 0
    /// Chunks of which something is known, gone ones among them.
    var chunkCount: Int { chunks.count }
    /// Beyond so many everything is found out anew: an entry takes a few dozen bytes.
    static let mostKnown = 100_000
    /// Targets with more labels are taken for ones whose series lack some.
    private static let mostLabels = 64

    /// The keys of a frame, as it was read from the buffer: frames are given in the order of the log.
    /// `isUsed` says whether a frame with this key waits or flies.
    mutating func keys(of frame: Frame, isUsed: (UInt64) -> Bool = { _ in true }) -> Keys {
        var keys = Keys(target: key(of: frame.target))
        let lack = lack(frame)
        if case .nothing = lack { return keys }
        let job = frame.target.job
        let wide = jobKey(of: frame.target, without: nil)
        if case .dropped(let dropped) = lack, !isMixed(job) {
            let key = jobKey(of: frame.target, without: dropped)
            if narrow.add(key, ofJob: wide, isUsed: isUsed) {
                keys.job = key
                return keys
            }
        }
        if !isMixed(job) { mixedJobs.insert(job) }
        keys.job = wide
        // A narrow key without any label is the same as the wide one.
        keys.former = narrow.used(ofJob: wide, isUsed: isUsed).filter { $0 != wide }
        return keys
    }

    /// A frame with these keys waits now, in its place in the log. Where it has former keys, all frames of
    /// its job that are read from now on have the wide key and wait behind it, so they need no former keys.
    mutating func waits(_ keys: Keys) {
        guard !keys.former.isEmpty, let wide = keys.job else { return }
        narrow.forget(ofJob: wide)
    }

    private func isMixed(_ job: String) -> Bool {
        mixedJobs.contains(job) || mixedJobs.count >= Self.mostKnown
    }

    /// A hash of the job, and of the target's own labels but for those in `dropped` where that is known.
    private func jobKey(of target: Target, without dropped: UInt64?) -> UInt64 {
        var hash = FNV1a("job")
        hash.mix(0xFF)
        hash.mix(target.job)
        guard let dropped else { return hash.value }
        for (index, label) in target.labels.labels.enumerated()
        where isOwn(index, target) && dropped >> UInt64(index) & 1 == 0 {
            hash.mix(0xFE)
            hash.mix(label.name)
            hash.mix(0xFF)
            hash.mix(label.value)
        }
        return hash.value
    }

    private func isOwn(_ index: Int, _ target: Target) -> Bool {
        !target.isExternal[index] && target.labels.labels[index].name != "job"
    }

    /// Whether parts of the frame may hold the same series: its layout states one twice.
    mutating func repeatsSeries(_ frame: Frame) -> Bool {
        // The scrape has looked: a target that changes with each scrape has a new layout each time.
        if frame.statesEachOnce { return false }
        var hash = FNV1a()
        for chunk in frame.layout.chunks {
            for shift in stride(from: 0, to: 64, by: 8) {
                hash.mix(UInt8(truncatingIfNeeded: chunk.digest >> UInt64(shift)))
            }
        }
        if let known = repeating[hash.value] { return known }
        let repeats = Self.repeatsSeries(frame.layout)
        if repeating.count >= Self.mostKnown { repeating = [:] }
        repeating[hash.value] = repeats
        return repeats
    }

    /// By a table of hashes, at most half full: some twenty nanoseconds a series, since a target that loses
    /// and gains a few series with each scrape has a new layout each time.
    private static func repeatsSeries(_ layout: Layout) -> Bool {
        var capacity = 16
        while capacity < 2 * layout.seriesCount { capacity *= 2 }
        var table = Array(repeating: UInt64(0), count: capacity)
        var hasZero = false
        for chunk in layout.chunks {
            for series in 0..<chunk.seriesCount {
                let hash = chunk.seriesHash(series)
                // An empty place holds zero.
                if hash == 0 {
                    if hasZero { return true }
                    hasZero = true
                    continue
                }
                var place = Int(truncatingIfNeeded: hash) & (capacity - 1)
                while table[place] != 0 {
                    if table[place] == hash { return true }
                    place = (place + 1) & (capacity - 1)
                }
                table[place] = hash
            }
        }
        return false
    }

    /// Memory is scarce: what is known of chunks that are gone goes at once. A weak reference to one keeps a
    /// few bytes of its memory, which lie among what was freed with it and keep its page. What costs little
    /// to be found out anew goes as well.
    mutating func letGoOfThePast() {
        dropGone()
        targets = [:]
        repeating = [:]
    }

    private mutating func dropGone() {
        additions = 0
        chunks = chunks.filter { $0.value.chunk != nil }
        names = names.filter { $0.value.chunk.object != nil }
    }

    private mutating func key(of target: Target) -> UInt64 {
        if let known = targets[target.id] { return known }
        var hash = FNV1a()
        for (label, isExternal) in zip(target.labels.labels, target.isExternal)
        where !isExternal && label.name != "job" {
            hash.mix(0xFF)
            hash.mix(label.name)
            hash.mix(0xFF)
            hash.mix(label.value)
        }
        if targets.count >= Self.mostKnown { targets = [:] }
        targets[target.id] = hash.value
        return hash.value
    }

    private mutating func lack(_ frame: Frame) -> Lack {
        let labels = frame.target.labels.labels
        guard labels.count <= Self.mostLabels else { return .unlike }
        var wanted: UInt64 = 0
        for index in labels.indices where isOwn(index, frame.target) { wanted |= 1 << UInt64(index) }
        guard wanted != 0 else { return .nothing }
        var dropped: UInt64 = 0
        for chunk in frame.layout.chunks {
            guard add(chunk, of: frame.target, wanted, to: &dropped) else { return .unlike }
        }
        for departed in frame.departed {
            guard add(departed.chunk, of: frame.target, wanted, to: &dropped) else { return .unlike }
        }
        return dropped == 0 ? .nothing : .dropped(dropped)
    }

    /// Adds what the chunk lacks of the `wanted` labels to `dropped`. False where it is not the same for all
    /// of its series and the chunks before, or other labels of these names stand in their place.
    private mutating func add(
        _ chunk: LayoutChunk, of target: Target, _ wanted: UInt64, to dropped: inout UInt64
    ) -> Bool {
        let known = known(chunk)
        let lacking = known.lacking & wanted
        guard lacking != 0 else { return true }
        guard lacking == known.lackedByAll & wanted, dropped == 0 || dropped == lacking,
            let names = names(in: chunk)
        else { return false }
        dropped = lacking
        let labels = target.labels.labels
        return !labels.indices.contains { lacking >> UInt64($0) & 1 == 1 && names.contains(labels[$0].name) }
    }

    private mutating func names(in chunk: LayoutChunk) -> Set<String>? {
        let key = ObjectIdentifier(chunk)
        if let known = names[key], known.chunk.object === chunk { return known.names }
        var found: Set<String>? = []
        let plain = chunk.plain
        for series in 0..<chunk.seriesCount {
            let encoded = Array(
                plain.bytes[plain.runStart(ofSeries: series)..<plain.runStart(ofSeries: series + 1)])
            guard let labels = EncodedLabels.decode(encoded) else {
                found = nil
                break
            }
            for label in labels { found?.insert(label.name) }
        }
        if names.count >= Self.mostKnown { names = names.filter { $0.value.chunk.object != nil } }
        if names.count >= Self.mostKnown { names = [:] }
        names[key] = (Weak(object: chunk), found)
        return found
    }

    private mutating func known(_ chunk: LayoutChunk) -> Known {
        let key = ObjectIdentifier(chunk)
        if let known = chunks[key], known.chunk === chunk { return known }
        var lacking: UInt64 = 0
        var lackedByAll = UInt64.max
        let plain = chunk.plain
        for series in 0..<chunk.seriesCount {
            var has: UInt64 = 0
            for piece in plain.pieces(ofSeries: series) {
                let first = Int(piece.firstTargetLabel)
                for label in first..<first + Int(piece.targetLabelCount) where label < Self.mostLabels {
                    has |= 1 << UInt64(label)
                }
            }
            lacking |= ~has
            lackedByAll &= ~has
        }
        additions += 1
        // Entries of chunks that are gone go once they may be half of all.
        if additions > max(1_024, chunks.count / 2) || chunks.count >= Self.mostKnown { dropGone() }
        if chunks.count >= Self.mostKnown { chunks = [:] }
        let known = Known(chunk: chunk, lacking: lacking, lackedByAll: lackedByAll)
        chunks[key] = known
        return known
    }
}

extension ConflictKeys.Keys: Sequence {
    /// The target's key, the job's and the former ones.
    struct Iterator: IteratorProtocol {
        fileprivate var target: UInt64?
        fileprivate var job: UInt64?
        fileprivate let former: [UInt64]
        /// How many of them were given.
        fileprivate var given = 0

        mutating func next() -> UInt64? {
            if let key = target.take() ?? job.take() { return key }
            guard given < former.count else { return nil }
            defer { given += 1 }
            return former[given]
        }
    }

    func makeIterator() -> Iterator { Iterator(target: target, job: job, former: former) }
}
