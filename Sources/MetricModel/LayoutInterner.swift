import Synchronization

/// Keeps one object for equal chunks, for as long as somebody uses it: the scrape of every equal target, and
/// the readers of the buffer.
public final class LayoutInterner: Sendable {
    private struct Entry {
        weak var chunk: LayoutChunk?
    }

    private struct State {
        var entries: [UInt64: [Entry]] = [:]
        var additions = 0

        /// Lets go of the entries of chunks that are gone.
        mutating func sweep() {
            additions = 0
            entries = entries.compactMapValues { entries in
                let live = entries.filter { $0.chunk != nil }
                return live.isEmpty ? nil : live
            }
        }
    }

    private let state = Mutex(State())

    public init() {}

    /// The chunk that stands for this content: `chunk` itself or an equal one made before.
    public func intern(_ chunk: LayoutChunk) -> LayoutChunk {
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
            if state.additions > max(1_024, state.entries.count / 2) { state.sweep() }
            return chunk
        }
    }

    /// Memory is scarce: the entries of chunks that are gone go at once. Each is small, but they were made
    /// among what has become free, and keep its pages.
    public func sweep() { state.withLock { $0.sweep() } }

    /// What the chunks in use take together.
    public struct Size: Sendable, Equatable {
        public var chunks = 0
        public var series = 0
        /// Encoded labels, each stretch once.
        public var labelBytes = 0
        /// Which labels each series has, and where its target's go in between.
        public var partBytes = 0
        /// What destinations of remote write 2.0 are told of the series' families.
        public var metadataBytes = 0

        public init() {}
    }

    /// What the chunks in use take now; a look at each of them.
    public var size: Size {
        let chunks = state.withLock { $0.entries.values.flatMap { $0.compactMap(\.chunk) } }
        return chunks.reduce(into: Size()) { size, chunk in
            let metadataBytes = chunk.metadata?.heldBytes ?? 0
            size.chunks += 1
            size.series += chunk.seriesCount
            size.labelBytes += chunk.code.textBytes
            size.partBytes += chunk.heldBytes - chunk.code.textBytes - metadataBytes
            size.metadataBytes += metadataBytes
        }
    }

    /// Chunks in use now.
    public var count: Int {
        state.withLock { $0.entries.values.reduce(0) { $0 + $1.filter { $0.chunk != nil }.count } }
    }
}
