internal import CDeflate
import Synchronization

/// One of libdeflate's decoders: 11 KiB of tables, which are used again for the next body. They hold nothing
/// of the one before that the next could see. One thread has it at a time.
@safe final class GzipDecoder: @unchecked Sendable {  // Whoever took it alone uses it, until it is put back.
    /// As many threads as decode at once, on all but the largest machines.
    private static let mostKept = 16
    private static let kept = Mutex<[GzipDecoder]>([])

    let pointer: OpaquePointer

    private init?() {
        // Safety: the decoder is this object's own, and goes with it.
        guard let pointer = unsafe libdeflate_alloc_decompressor() else { return nil }
        unsafe self.pointer = pointer
    }

    deinit { unsafe libdeflate_free_decompressor(pointer) }

    /// One that is kept, or a new one; nil when there is no memory for it.
    static func take() -> GzipDecoder? { kept.withLock { $0.popLast() } ?? GzipDecoder() }

    /// Keeps it for the next body.
    func putBack() { Self.kept.withLock { kept in if kept.count < Self.mostKept { kept.append(self) } } }
}
