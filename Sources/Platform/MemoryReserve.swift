import Synchronization

/// Bytes that may be taken although there is no room for more: few, and for the process as a whole. Whoever
/// takes some gives them back. Any thread.
public final class MemoryReserve: Sendable {
    /// Bytes that were taken; they go back with the object.
    public final class Part: Sendable {
        private let reserve: MemoryReserve
        public let bytes: Int

        init(_ bytes: Int, of reserve: MemoryReserve) {
            self.bytes = bytes
            self.reserve = reserve
        }

        deinit { _ = reserve.left.add(bytes, ordering: .relaxed) }
    }

    private let left: Atomic<Int>

    public init(bytes: Int) { left = Atomic(bytes) }

    /// Bytes left; below zero where more was taken than there was.
    public var leftBytes: Int { left.load(ordering: .relaxed) }

    /// Whether so many bytes are left. Others may take them meanwhile: what is taken with `take` is little.
    public func has(_ bytes: Int) -> Bool { leftBytes >= bytes }

    /// Takes `bytes` whether so many are left or not, until the part is let go.
    public func take(_ bytes: Int) -> Part {
        _ = left.subtract(bytes, ordering: .relaxed)
        return Part(bytes, of: self)
    }
}
