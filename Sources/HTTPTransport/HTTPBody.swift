internal import Compression
import Synchronization

/// A response's body. Its memory, and the body slot if it holds one, go back to the client when it
/// is let go, as it should be once it is parsed, or else with its last reference.
public final class HTTPBody: Sendable {
    private struct Storage {
        /// Nil once they were let go.
        var bytes: [UInt8]?
        /// Bytes charged for what the body is read into.
        var readBytes = 0

        mutating func take() -> (bytes: [UInt8], readBytes: Int)? {
            defer { self = Storage(bytes: nil) }
            return bytes.map { ($0, readBytes) }
        }
    }

    private let storage: Mutex<Storage>
    private let pool: BodyPool?
    private let claim: BodyClaim
    /// Bytes charged to the memory account for the body.
    private let heldBytes: Int
    /// Bytes charged for what it decodes to.
    private let decodedBytes: Int
    /// Length in bytes, also when they were let go.
    public let count: Int

    /// A body made by hand, as tests do.
    public convenience init(_ bytes: [UInt8] = []) {
        self.init(bytes, pool: nil, claim: .none)
    }

    init(
        _ bytes: [UInt8], pool: BodyPool?, claim: BodyClaim, heldBytes: Int = 0, decodedBytes: Int = 0
    ) {
        storage = Mutex(Storage(bytes: bytes))
        self.heldBytes = heldBytes
        self.decodedBytes = decodedBytes
        self.pool = pool
        self.claim = claim
        count = bytes.count
    }

    deinit { letGo() }

    /// Gives memory and slot back now, whoever still refers to the body. It has no bytes from then on.
    public func letGo() {
        guard let (bytes, readBytes) = storage.withLock({ $0.take() }) else { return }
        pool?.takeBack(bytes, claim: claim, heldBytes: heldBytes + decodedBytes + readBytes)
    }

    /// Charges for what the body is read into: `bytes` in all until it is let go. False when that does not
    /// fit; what was charged before stays charged. Any thread.
    public func charge(readInto bytes: Int) -> Bool {
        storage.withLock { storage in
            guard let pool, storage.bytes != nil, bytes > storage.readBytes else { return true }
            guard pool.charge(forReading: bytes - storage.readBytes) else { return false }
            storage.readBytes = bytes
            return true
        }
    }

    /// A body with what these bytes of gzip decode to. It takes the slot over; this one has no bytes from
    /// then on. What was charged for it is what it announces; one that comes to more is charged more, or
    /// fails.
    func unpacked(limitBytes: Int) throws(CompressionError) -> HTTPBody {
        let (packed, readBytes) = storage.withLock { $0.take() } ?? ([], 0)
        let heldBytes = heldBytes + readBytes
        var held = decodedBytes
        func grow(to capacity: Int) -> Bool {
            guard capacity > max(held, BodySlots.inlineBytes) else { return true }
            guard pool?.charge(capacity - held) ?? true else { return false }
            held = capacity
            return true
        }
        let room = Self.decodedRoom(of: packed, limitBytes: limitBytes)
        var bytes = pool?.take(roomFor: room) ?? []
        if grow(to: room) { bytes.reserveCapacity(room) }
        do throws(CompressionError) {
            try Gzip.decode(
                packed.span, into: &bytes, limitBytes: limitBytes > 0 ? limitBytes : .max, grow: grow)
        } catch {
            pool?.keep(bytes)
            pool?.takeBack(packed, claim: claim, heldBytes: heldBytes + held)
            throw error
        }
        pool?.takeBack(packed, claim: .none, heldBytes: heldBytes)
        return HTTPBody(bytes, pool: pool, claim: claim, heldBytes: held)
    }

    /// The room for what `packed` decodes to, as far as that can be believed: a body that is cut ends in
    /// any number.
    static func decodedRoom(of packed: [UInt8], limitBytes: Int) -> Int {
        let believed = min(Gzip.announcedBytes(packed.span), 32 * packed.count + 64 << 10)
        return limitBytes > 0 ? min(believed, limitBytes) : believed
    }

    /// The bytes themselves, borrowed for the call.
    public func withSpan<R>(_ body: (RawSpan) throws -> R) rethrows -> R {
        let bytes = bytes
        // Safety: the span is borrowed from the pointer inside the closure, which `bytes` outlives.
        return try unsafe bytes.withUnsafeBytes { try unsafe body($0.bytes) }
    }

    /// The bytes as an array of the caller's.
    public var bytes: [UInt8] { storage.withLock { $0.bytes } ?? [] }
}
