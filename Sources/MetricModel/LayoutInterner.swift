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
            if state.additions > max(1_024, state.entries.count / 2) {
                state.additions = 0
                state.entries = state.entries.compactMapValues { entries in
                    let live = entries.filter { $0.chunk != nil }
                    return live.isEmpty ? nil : live
                }
            }
            return chunk
        }
    }

    /// Chunks in use now.
    public var count: Int {
        state.withLock { $0.entries.values.reduce(0) { $0 + $1.filter { $0.chunk != nil }.count } }
    }
}
