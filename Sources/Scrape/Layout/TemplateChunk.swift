import MetricModel
import Synchronization

/// A run of lines as the next scrape is expected to have them: for each line the hash and length of its
/// segment, and the series they stand for. Immutable, and shared by the targets of a pool whose lines are
/// equal.
///
/// A segment is everything from the end of the line before to the end of the line's name or labels; the
/// comments in front of a sample belong to it.
final class TemplateChunk: Sendable {
    /// A series without some of its target's labels.
    struct Exclusion: Equatable {
        let series: UInt32
        /// Indices into `Target.labels`.
        let targetLabels: [UInt16]
    }

    /// For each line, the keyed hash of its segment.
    let hashes: [UInt64]
    /// For each line, the length of its segment.
    let lengths: [UInt32]
    /// For each line, the sum of its own labels' hashes.
    let ownHashes: [UInt64]
    let exclusions: [Exclusion]
    /// The series, one for each line.
    let layout: LayoutChunk
    /// The parser's state where the chunk begins: the same lines mean other series under another TYPE.
    let typeBefore: ExpositionParser.FamilyType
    let typeAfter: ExpositionParser.FamilyType
    let digest: UInt64

    init(
        hashes: [UInt64], lengths: [UInt32], ownHashes: [UInt64], exclusions: [Exclusion],
        layout: LayoutChunk,
        typeBefore: ExpositionParser.FamilyType, typeAfter: ExpositionParser.FamilyType
    ) {
        precondition(
            hashes.count == lengths.count && hashes.count == ownHashes.count
                && hashes.count == layout.seriesCount,
            "a template has a series for each line")
        self.hashes = hashes
        self.lengths = lengths
        self.ownHashes = ownHashes
        self.exclusions = exclusions
        self.layout = layout
        self.typeBefore = typeBefore
        self.typeAfter = typeAfter
        var digest = layout.digest
        for hash in hashes { digest = (digest &* 0x9E37_79B9_7F4A_7C15) ^ hash }
        self.digest = digest
    }

    var lineCount: Int { hashes.count }

    /// Hashes of the whole series of a target, in order: equal for equal label sets, whichever line they come
    /// from.
    func seriesHashes(of schema: TargetSchema) -> [UInt64] {
        var result = ownHashes.map { $0 &+ schema.allLabelsHash }
        for exclusion in exclusions {
            for label in exclusion.targetLabels {
                result[Int(exclusion.series)] &-= schema.labelHashes[Int(label)]
            }
        }
        return result
    }

    func hasSameContent(as other: TemplateChunk) -> Bool {
        digest == other.digest && layout === other.layout && typeBefore == other.typeBefore
            && typeAfter == other.typeAfter && hashes == other.hashes && lengths == other.lengths
            && ownHashes == other.ownHashes && exclusions == other.exclusions
    }
}

/// Keeps one object for equal templates, for as long as a target uses it.
final class TemplateInterner: Sendable {
    private struct Entry {
        weak var chunk: TemplateChunk?
    }

    private struct State {
        var entries: [UInt64: [Entry]] = [:]
        var additions = 0
    }

    private let state = Mutex(State())

    /// The object that stands for this content: `chunk` itself or an equal one made before. Its layout must
    /// be interned.
    func intern(_ chunk: TemplateChunk) -> TemplateChunk {
        state.withLock { state in
            var entries = state.entries[chunk.digest] ?? []
            for entry in entries {
                if let kept = entry.chunk, kept.hasSameContent(as: chunk) { return kept }
            }
            entries.removeAll { $0.chunk == nil }
            entries.append(Entry(chunk: chunk))
            state.entries[chunk.digest] = entries
            state.additions += 1
            // Dead entries go once they may be half of all, so a sweep costs a constant for each addition.
            if state.additions > max(256, state.entries.count / 2) {
                state.additions = 0
                state.entries = state.entries.compactMapValues { entries in
                    let live = entries.filter { $0.chunk != nil }
                    return live.isEmpty ? nil : live
                }
            }
            return chunk
        }
    }

    /// Templates in use now.
    var count: Int {
        state.withLock { $0.entries.values.reduce(0) { $0 + $1.filter { $0.chunk != nil }.count } }
    }
}
