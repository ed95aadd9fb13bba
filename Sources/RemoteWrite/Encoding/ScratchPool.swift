internal import Platform
import Synchronization

/// Lends buffers for encoding to worker jobs: as many exist as jobs encode at one time, however many slots
/// there are.
final class ScratchPool: Sendable {
    /// A scratch that grew past this is freed rather than kept: twice what a request at its limit takes.
    static let keptBytes = 4 << 20

    /// What requests of remote write 2.0 share.
    private let symbols: ChunkSymbolCache
    private let free = Mutex<[RequestScratch]>([])

    init(memory: MemoryAccount = MemoryAccount()) { symbols = ChunkSymbolCache(memory: memory) }

    /// Bytes of those that are kept and not lent.
    var keptBytes: Int { free.withLock { $0.reduce(0) { $0 + $1.heldBytes } } }

    /// Frees what is kept and not lent, and the symbols that requests share: they are made again when they
    /// are needed. Any thread.
    func relax() {
        dropFree()
        symbols.removeAll()
    }

    /// Frees what is kept and not lent, and symbols of chunks that are gone. Any thread.
    func emptyFree() {
        dropFree()
        symbols.sweep()
    }

    private func dropFree() {
        // Freed once the lock is open again.
        let dropped = free.withLock { free in
            defer { free = [] }
            return free
        }
        _ = consume dropped
    }

    /// Calls `body` with a scratch of its own.
    func with<Result>(_ body: (RequestScratch) throws -> Result) rethrows -> Result {
        let scratch = free.withLock { $0.popLast() } ?? RequestScratch(symbols: symbols)
        defer {
            scratch.end()
            if scratch.heldBytes <= Self.keptBytes { free.withLock { $0.append(scratch) } }
        }
        return try body(scratch)
    }
}
