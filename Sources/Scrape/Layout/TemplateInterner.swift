import Synchronization

/// Keeps one object for equal templates, for as long as a target uses it.
final class TemplateInterner: Sendable {
    private struct Entry {
        weak var chunk: TemplateChunk?
    }

    private struct State {
        var entries: [UInt64: [Entry]] = [:]
        var additions = 0
        /// For each schema, the chunks of the target that changed last.
        var latest: [TargetSchema.Key: [Entry]] = [:]

        /// Lets go of the entries of templates that are gone.
        mutating func sweep() {
            additions = 0
            entries = entries.compactMapValues { entries in
                let live = entries.filter { $0.chunk != nil }
                return live.isEmpty ? nil : live
            }
        }
    }

    /// Schemas remembered; a job's targets rarely have more than one.
    private static let maxSchemas = 16

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
            if state.additions > max(256, state.entries.count / 2) { state.sweep() }
            return chunk
        }
    }

    /// Memory is scarce: the entries of templates that are gone go at once, and with them the pages that they
    /// keep.
    func sweep() {
        state.withLock { state in
            state.sweep()
            state.latest = state.latest.mapValues { $0.filter { $0.chunk != nil } }
        }
    }

    /// What a target of this schema, never scraped before, may be expected to expose: the lines of one like
    /// it. A task of a service then takes the fast path from its first scrape on.
    func expectation(of schema: TargetSchema) -> [TemplateChunk] {
        let key = schema.key
        return state.withLock { state in (state.latest[key] ?? []).compactMap(\.chunk) }
    }

    /// Remembers what a target of this schema exposes now. Not a page of which series are left out because
    /// memory is short: another target's may come in.
    func note(_ chunks: [TemplateChunk], of schema: TargetSchema) {
        guard chunks.allSatisfy(\.isWhole) else { return }
        let key = schema.key
        state.withLock { state in
            if state.latest[key] == nil, state.latest.count >= Self.maxSchemas { state.latest = [:] }
            state.latest[key] = chunks.map { Entry(chunk: $0) }
        }
    }

    /// What the templates in use take now, their layouts not among it; a look at each of them.
    var size: ScrapePool.LineMemory {
        let chunks = state.withLock { $0.entries.values.flatMap { $0.compactMap(\.chunk) } }
        return chunks.reduce(into: ScrapePool.LineMemory()) { $0.add($1) }
    }

    /// Templates in use now.
    var count: Int {
        state.withLock { $0.entries.values.reduce(0) { $0 + $1.filter { $0.chunk != nil }.count } }
    }
}
