internal import Platform
import Synchronization

/// Buffers between two bodies' lives, and the way back of what bodies were charged.
final class BodyPool: Sendable {
    /// A buffer larger than this is freed rather than kept: one huge body must not cost its memory for good.
    static let keptBufferBytes = 4 << 20

    private struct Kept {
        var buffers: [[UInt8]] = []
        var bytes = 0
    }

    private let kept = Mutex(Kept())
    private let keptCount: Int
    private let memory: MemoryAccount
    private let onRelease: @Sendable (BodyClaim, _ heldBytes: Int) -> Void

    /// Keeps `keptCount` buffers at most, and of the memory that bodies may hold at the time an eighth, which
    /// no body is charged for. `onRelease` is told of every body let go, on whichever thread, after its
    /// memory was given back.
    init(
        keptCount: Int, memory: MemoryAccount = MemoryAccount(),
        onRelease: @escaping @Sendable (BodyClaim, _ heldBytes: Int) -> Void
    ) {
        self.keptCount = keptCount
        self.memory = memory
        self.onRelease = onRelease
    }

    /// Bytes of all buffers that are kept. Any thread.
    var keptBytes: Int { kept.withLock { $0.bytes } }

    /// Frees all buffers that are kept. Any thread.
    func empty() { shrink(toBytes: 0) }

    /// Frees what is kept beyond the limit of the memory account, which has become smaller. Any thread.
    func followLimit() { shrink(toBytes: mostKeptBytes) }

    private var mostKeptBytes: Int { memory.limitBytes(of: .bodies) / 8 }

    private func shrink(toBytes bytes: Int) {
        // Freed once the lock is open again; the largest first, so that many are left.
        let dropped = kept.withLock { kept in
            var dropped: [[UInt8]] = []
            while kept.bytes > bytes,
                let largest = kept.buffers.indices.max(by: {
                    kept.buffers[$0].capacity < kept.buffers[$1].capacity
                })
            {
                kept.bytes -= kept.buffers[largest].capacity
                dropped.append(kept.buffers.remove(at: largest))
            }
            return dropped
        }
        _ = consume dropped
    }

    /// An empty buffer, used before when there is one: of several the smallest that has room for so many
    /// bytes, or the one kept last, which then grows, where none has room. So bodies as they came do not take
    /// the large buffers that bodies are decoded to.
    func take(roomFor bytes: Int = 0) -> [UInt8] {
        var buffer: [UInt8] = kept.withLock { kept in
            guard let last = kept.buffers.indices.last else { return [] }
            var best = last
            for index in kept.buffers.indices where kept.buffers[index].capacity >= bytes {
                let capacity = kept.buffers[best].capacity
                if capacity < bytes || kept.buffers[index].capacity < capacity { best = index }
            }
            kept.buffers.swapAt(best, last)
            let buffer = kept.buffers.removeLast()
            kept.bytes -= buffer.capacity
            return buffer
        }
        buffer.removeAll(keepingCapacity: true)
        return buffer
    }

    func takeBack(_ buffer: [UInt8], claim: BodyClaim, heldBytes: Int = 0) {
        if claim == .slot || claim == .none { keep(buffer) }
        memory.discharge(heldBytes, from: .bodies)
        onRelease(claim, heldBytes)
    }

    /// Charges memory for a body that is being decoded; false when it does not fit. It cannot wait, so a
    /// limit that is narrowed does not fail it.
    func charge(_ bytes: Int) -> Bool { memory.charge(bytes, to: .bodies, withinWhole: true) }

    /// The same for what a body is read into. A quarter of the memory is left for bodies that are being
    /// decoded, which fail without it.
    func charge(forReading bytes: Int) -> Bool {
        let mostBytes = memory.wholeLimitBytes(of: .bodies) / 4 * 3
        return memory.usedBytes(of: .bodies) + bytes <= mostBytes && charge(bytes)
    }

    /// Keeps a buffer for a later body.
    func keep(_ buffer: [UInt8]) {
        let capacity = buffer.capacity
        guard capacity > 0, capacity <= Self.keptBufferBytes else { return }
        kept.withLock { kept in
            // Read under the lock: a buffer must not come in by the old limit once `followLimit` is over.
            guard kept.buffers.count < keptCount, kept.bytes + capacity <= mostKeptBytes else { return }
            kept.buffers.append(buffer)
            kept.bytes += capacity
        }
    }
}
