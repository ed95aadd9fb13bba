internal import MetricModel
internal import Relabel
import Synchronization

/// What `write_relabel_configs` leave of layouts. A view is made once for a chunk and all targets that the
/// rules treat alike, and kept as long as the chunk exists: unchanged series cost nothing per sample.
final class WriteRelabelViews: Sendable {
    /// What of a target decides how rules change its series: the names of its labels, and the values of those
    /// that rules read. Bytes, as names of which Swift's strings say that they are equal may be two to a
    /// receiver (é in one character or in two).
    private struct TargetClass: Hashable {
        private var bytes: [UInt8] = []

        mutating func add(_ name: String, isExternal: Bool, readValue: String?) {
            // No UTF-8 has these bytes.
            bytes.append(isExternal ? 0xFE : 0xFF)
            bytes.append(contentsOf: name.utf8)
            guard let readValue else { return }
            bytes.append(0xFD)
            bytes.append(contentsOf: readValue.utf8)
        }
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
        var collisions = NameCollisions()
        var legacy = LegacyFrames()
    }

    /// Beyond this many kinds of targets everything is made anew; rules that read `instance` make one for
    /// each target.
    private static let maxClasses = 100_000

    private let rules: RelabelRules
    private let names: EscapedNames?
    private let interner = LayoutInterner()
    private let relabeller: ChunkRelabeller
    private let state = Mutex(State())

    /// With `names` those that the receiver does not know are escaped.
    init(_ rules: RelabelRules, escaping names: EscapedNames? = nil) {
        self.rules = rules
        self.names = names
        relabeller = ChunkRelabeller(rules, escaping: names)
    }

    /// The frame as the rules leave it: each series at its place, and what they take from it. The frame
    /// must be well-formed.
    func view(of frame: Frame) -> (frame: Frame, drops: SeriesDrops) {
        state.withLock { state in
            if rules.isEmpty, state.legacy.contains(frame) { return (frame, SeriesDrops()) }
            let target = targetClass(frame.target, &state)
            var drops = SeriesDrops()
            var chunks: [LayoutChunk] = []
            chunks.reserveCapacity(frame.layout.chunks.count)
            var isSame = true
            var views: [ChunkView] = []
            var hasEscaped = false
            for (index, chunk) in frame.layout.chunks.enumerated() {
                let view = view(of: chunk, frame.target, target, &state)
                chunks.append(view.chunk)
                isSame = isSame && view.chunk === chunk
                drops.losesTargetLabels = drops.losesTargetLabels || !view.keepsTargetLabels
                hasEscaped = hasEscaped || !view.escaped.isEmpty || !view.collided.isEmpty
                if names != nil { views.append(view) }
                let start = frame.layout.starts[index]
                for series in view.dropped { drops.layout.append(start + series) }
            }
            var departed: [Frame.Departed] = []
            var departedViews: [ChunkView] = []
            for part in frame.departed {
                let view = view(of: part.chunk, frame.target, target, &state)
                departed.append(Frame.Departed(chunk: view.chunk, series: part.series))
                drops.departed.append(view.dropped)
                isSame = isSame && view.chunk === part.chunk
                drops.losesTargetLabels = drops.losesTargetLabels || !view.keepsTargetLabels
                hasEscaped = hasEscaped || !view.escaped.isEmpty || !view.collided.isEmpty
                if names != nil { departedViews.append(view) }
            }
            if isSame, drops.isEmpty, !hasEscaped { return (frame, SeriesDrops()) }
            if hasEscaped, let names {
                state.collisions.find(views, departedViews, frame, names, into: &drops)
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

    /// Memory is scarce: what is kept of chunks that are gone goes at once. Any thread.
    func letGoOfThePast() {
        state.withLock { state in
            state.additions = 0
            state.entries = state.entries.filter { $0.value.chunk != nil }
            state.legacy.letGoOfThePast()
            // Found anew where it is needed.
            state.collisions = NameCollisions()
        }
        interner.sweep()
    }

    private func targetClass(_ target: Target, _ state: inout State) -> Int {
        var key = TargetClass()
        for (label, isExternal) in zip(target.labels.labels, target.isExternal) {
            key.add(
                label.name, isExternal: isExternal, readValue: isRead(label.name) ? label.value : nil)
        }
        if let known = state.classes[key] { return known }
        if state.classes.count >= Self.maxClasses {
            state.classes = [:]
            state.entries = [:]
        }
        let number = state.classes.count
        state.classes[key] = number
        return number
    }

    /// Whether the value of a target's label makes a difference to views. A label under another name is the
    /// series' own, with its value.
    private func isRead(_ name: String) -> Bool {
        rules.readsValue(ofLabel: name)
            || (names != nil && NameEscaper.escaped(Array(name.utf8), isMetric: false) != nil)
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
    /// Series that have other names than before, ascending.
    var escaped: [UInt32] = []
    /// Series of which two labels would have one name, ascending; they have no labels in `chunk`.
    var collided: [UInt32] = []
    /// Whether all series that are kept have those of the target's own labels still that they had before. If
    /// not, series of two targets may have become equal.
    var keepsTargetLabels = true
}

/// What rules take from a frame: series that they drop, and labels by which targets are told apart.
struct SeriesDrops: Sendable {
    /// Ordinals in the frame's layout, ascending.
    var layout: [UInt32] = []
    /// For each departed part, ordinals in its chunk, ascending.
    var departed: [[UInt32]] = []

    /// Of `layout` and of `departed`, those that are dropped because with their names escaped they would be
    /// the same as other series.
    var collided: [UInt32] = []
    var departedCollided: [[UInt32]] = []
    /// Series of the frame that are kept have lost some of the target's own labels, so that series of two
    /// targets may have become equal.
    var losesTargetLabels = false

    /// Whether no series is dropped.
    var isEmpty: Bool { layout.isEmpty && departed.allSatisfy(\.isEmpty) }
}
