internal import Compression
import Synchronization

/// A response's body. Its memory, and the body slot if it holds one, go back to the client when it
/// is let go, as it should be once it is parsed, or else with its last reference.
public final class HTTPBody: Sendable {
    private let storage: Mutex<[UInt8]?>
    private let pool: BodyPool?
    private let claim: BodyClaim
    /// Length in bytes, also when they were let go.
    public let count: Int

    /// A body made by hand, as tests do.
    public convenience init(_ bytes: [UInt8] = []) {
        self.init(bytes, pool: nil, claim: .none)
    }

    init(_ bytes: [UInt8], pool: BodyPool?, claim: BodyClaim) {
        storage = Mutex(bytes)
        self.pool = pool
        self.claim = claim
        count = bytes.count
    }

    deinit { letGo() }

    /// Gives memory and slot back now, whoever still refers to the body. It has no bytes from then on.
    public func letGo() {
        let bytes = storage.withLock { bytes in
            defer { bytes = nil }
            return bytes
        }
        if let bytes { pool?.takeBack(bytes, claim: claim) }
    }

    /// A body with what these bytes of gzip decode to. It takes the slot over; this one has no bytes from
    /// then on.
    func unpacked(limitBytes: Int) throws(CompressionError) -> HTTPBody {
        let packed = storage.withLock { bytes in
            defer { bytes = nil }
            return bytes
        }
        let taken = packed ?? []
        var bytes = pool?.take() ?? []
        bytes.reserveCapacity(min(limitBytes, Gzip.announcedBytes(taken.span)))
        do throws(CompressionError) {
            try Gzip.decode(taken.span, into: &bytes, limitBytes: limitBytes) { _ in true }
        } catch {
            pool?.keep(bytes)
            pool?.takeBack(taken, claim: claim)
            throw error
        }
        pool?.keep(taken)
        return HTTPBody(bytes, pool: pool, claim: claim)
    }

    /// The bytes themselves, borrowed for the call.
    public func withSpan<R>(_ body: (RawSpan) throws -> R) rethrows -> R {
        let bytes = bytes
        // Safety: the span is borrowed from the pointer inside the closure, which `bytes` outlives.
        return try unsafe bytes.withUnsafeBytes { try unsafe body($0.bytes) }
    }

    /// The bytes as an array of the caller's.
    public var bytes: [UInt8] { storage.withLock { $0 } ?? [] }
}

/// Buffers between two bodies' lives.
final class BodyPool: Sendable {
    /// A buffer larger than this is freed rather than kept: one huge body must not cost its memory for good.
    static let keptBufferBytes = 4 << 20

    private let buffers = Mutex<[[UInt8]]>([])
    private let keptCount: Int
    private let onRelease: @Sendable (BodyClaim) -> Void

    /// Keeps `keptCount` buffers at most; `onRelease` is told of every body let go, on whichever thread.
    init(keptCount: Int, onRelease: @escaping @Sendable (BodyClaim) -> Void) {
        self.keptCount = keptCount
        self.onRelease = onRelease
    }

    /// An empty buffer, used before when there is one.
    func take() -> [UInt8] {
        var buffer = buffers.withLock { $0.popLast() } ?? []
        buffer.removeAll(keepingCapacity: true)
        return buffer
    }

    func takeBack(_ buffer: [UInt8], claim: BodyClaim) {
        if claim == .slot || claim == .none { keep(buffer) }
        onRelease(claim)
    }

    /// Keeps a buffer for a later body.
    func keep(_ buffer: [UInt8]) {
        guard buffer.capacity > 0, buffer.capacity <= Self.keptBufferBytes else { return }
        buffers.withLock { if $0.count < keptCount { $0.append(buffer) } }
    }
}
