internal import MetricModel
internal import Relabel
import Synchronization

/// What `write_relabel_configs` leave of layouts. A view is made once for a chunk and the targets that are
/// alike to the rules, and kept for as long as the chunk is: unchanged series cost nothing per sample.
final class WriteRelabelViews: Sendable {
    /// What of a target decides how rules change its series: the names of its labels, and the values of those
    /// that rules read.
    private struct TargetClass: Hashable {
        let names: [String]
        let isExternal: [Bool]
        let readValues: [String]
    }

    private struct Entry {
        weak var chunk: LayoutChunk?
        var views: [Int: ChunkView] = [:]
    }

    private struct State {
        var classes: [TargetClass: Int] = [:]
        /// By the chunk's identity, which may be another's once it is gone: the entry knows.
        var entries: [ObjectIdentifier: Entry] = [:]
        var additions = 0
    }

    /// Beyond this many kinds of targets everything is made anew; rules that read `instance` make one for
    /// each target.
    private static let maxClasses = 100_000

    private let rules: RelabelRules
    private let interner = LayoutInterner()
    private let relabeller: ChunkRelabeller
    private let state = Mutex(State())

    init(_ rules: RelabelRules) {
        self.rules = rules
        relabeller = ChunkRelabeller(rules)
    }

    /// The frame as the rules leave it: each series at its place, and which of them are dropped. The frame
    /// must be well-formed.
    func view(of frame: Frame) -> (frame: Frame, drops: SeriesDrops) {
        state.withLock { state in
            let target = targetClass(frame.target, &state)
            var drops = SeriesDrops()
            var chunks: [LayoutChunk] = []
            chunks.reserveCapacity(frame.layout.chunks.count)
            for (index, chunk) in frame.layout.chunks.enumerated() {
                let view = view(of: chunk, frame.target, target, &state)
                chunks.append(view.chunk)
                let start = frame.layout.starts[index]
                for series in view.dropped { drops.layout.append(start + series) }
            }
            var departed: [Frame.Departed] = []
            for part in frame.departed {
                let view = view(of: part.chunk, frame.target, target, &state)
                departed.append(Frame.Departed(chunk: view.chunk, series: part.series))
                drops.departed.append(view.dropped)
            }
            let result = Frame(
                target: frame.target, layout: Layout(chunks), timestampMs: frame.timestampMs,
                values: frame.values, explicitTimestamps: frame.explicitTimestamps, absent: frame.absent,
                departed: departed, histograms: frame.histograms, exemplars: frame.exemplars,
                startTimestamps: frame.startTimestamps)
            return (result, drops)
        }
    }

    /// Chunks with views now.
    var count: Int { state.withLock { $0.entries.values.count { $0.chunk != nil } } }

    private func targetClass(_ target: Target, _ state: inout State) -> Int {
        let key = TargetClass(
            names: target.labels.labels.map(\.name), isExternal: target.isExternal,
            readValues: target.labels.labels.map { rules.readsValue(ofLabel: $0.name) ? $0.value : "" })
        if let known = state.classes[key] { return known }
        if state.classes.count >= Self.maxClasses {
            state.classes = [:]
            state.entries = [:]
        }
        let number = state.classes.count
        state.classes[key] = number
        return number
    }

    private func view(
        of chunk: LayoutChunk, _ target: Target, _ targetClass: Int, _ state: inout State
    ) -> ChunkView {
        let key = ObjectIdentifier(chunk)
        var entry = state.entries[key] ?? Entry(chunk: chunk)
        if entry.chunk !== chunk { entry = Entry(chunk: chunk) }
        if let known = entry.views[targetClass] { return known }
        var view = relabeller.view(of: chunk, target)
        view.chunk = view.chunk.hasSameContent(as: chunk) ? chunk : interner.intern(view.chunk)
        entry.views[targetClass] = view
        state.entries[key] = entry
        state.additions += 1
        // Entries of chunks that are gone go once they may be half of all.
        if state.additions > max(256, state.entries.count / 2) {
            state.additions = 0
            state.entries = state.entries.filter { $0.value.chunk != nil }
        }
        return view
    }
}

/// A chunk as rules leave it: as many series, at the same places.
struct ChunkView: Sendable {
    var chunk: LayoutChunk
    /// Series that are dropped, ascending; they have no labels in `chunk`.
    var dropped: [UInt32] = []
}

/// The series of a frame that rules drop.
struct SeriesDrops: Sendable {
    /// Ordinals in the frame's layout, ascending.
    var layout: [UInt32] = []
    /// For each departed part, ordinals in its chunk, ascending.
    var departed: [[UInt32]] = []

    var isEmpty: Bool { layout.isEmpty && departed.allSatisfy(\.isEmpty) }
}
