internal import MetricModel
internal import Platform
import Synchronization

/// Keeps the `ChunkSymbols` of chunks, as long as the chunks exist and within a bound. Those of a chunk are
/// found once and not again for each request.
final class ChunkSymbolCache: Sendable {
    private struct Entry {
        weak var chunk: LayoutChunk?
        let symbols: ChunkSymbols
    }

    private struct State {
        /// By the chunk's identity. Another chunk may have the identity of one that is gone, so each entry
        /// holds a weak reference to its chunk.
        var entries: [ObjectIdentifier: Entry] = [:]
        var heldBytes = 0
        var additions = 0

        /// Lets go of entries of chunks that are gone.
        mutating func dropGone() {
            additions = 0
            entries = entries.filter { $0.value.chunk != nil }
            heldBytes = entries.values.reduce(0) { $0 + $1.symbols.heldBytes }
        }
    }

    /// Beyond this many bytes half of it is let go, whichever, and made again when it is needed: where more
    /// chunks are in use than have room, those that stayed are found. 16 MiB are the symbols of half a
    /// million series that nothing shares.
    static let maxBytes = 16 << 20
    /// It may hold this part of what reading may, at most: 8 MiB where the memory limit is 512 MiB.
    static let shareOfReading = 16

    private let maxBytes: Int
    private let hold: MemoryHold
    private let state = Mutex(State())

    /// What it holds is charged to what reading may hold.
    init(memory: MemoryAccount = MemoryAccount(), maxBytes: Int = maxBytes) {
        self.maxBytes = min(maxBytes, memory.limitBytes(of: .reading) / Self.shareOfReading)
        hold = MemoryHold(memory, .reading)
    }

    /// The chunk's symbols; nil when its bytes are not labels.
    func symbols(of chunk: LayoutChunk) -> ChunkSymbols? {
        let key = ObjectIdentifier(chunk)
        let known = state.withLock { state in
            state.entries[key].flatMap { $0.chunk === chunk ? $0.symbols : nil }
        }
        if let known { return known }
        guard let made = ChunkSymbols(chunk) else { return nil }
        state.withLock { state in
            defer { hold.set(state.heldBytes) }
            state.additions += 1
            // Entries of chunks that are gone go once they may be half of all.
            if state.additions > max(256, state.entries.count / 2)
                || state.heldBytes + made.heldBytes > maxBytes
            {
                state.dropGone()
            }
            if state.heldBytes + made.heldBytes > maxBytes {
                // In the order of the table, which is none.
                state.entries = state.entries.filter { _, entry in
                    guard state.heldBytes > maxBytes / 2 else { return true }
                    state.heldBytes -= entry.symbols.heldBytes
                    return false
                }
            }
            if let replaced = state.entries.removeValue(forKey: key) {
                state.heldBytes -= replaced.symbols.heldBytes
            }
            guard state.heldBytes + made.heldBytes <= maxBytes else { return }
            state.entries[key] = Entry(chunk: chunk, symbols: made)
            state.heldBytes += made.heldBytes
        }
        return made
    }

    /// Lets go of all; they are made again when they are needed.
    func removeAll() {
        // Freed once the lock is open again.
        let dropped = state.withLock { state in
            defer {
                state = State()
                hold.set(0)
            }
            return state.entries
        }
        _ = consume dropped
    }

    /// Lets go of those of chunks that are gone; the others stay.
    func sweep() {
        // Freed once the lock is open again.
        let before = state.withLock { state in
            defer { hold.set(state.heldBytes) }
            let before = state.entries
            state.dropGone()
            return before
        }
        _ = consume before
    }

    /// Whether the chunk's symbols are kept.
    func holds(_ chunk: LayoutChunk) -> Bool {
        state.withLock { $0.entries[ObjectIdentifier(chunk)]?.chunk === chunk }
    }

    /// Bytes held.
    var heldBytes: Int { state.withLock { $0.heldBytes } }
}
