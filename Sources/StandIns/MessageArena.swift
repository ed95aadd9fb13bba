internal import CProtobufC

#if canImport(Glibc)
import Glibc
#endif

/// Memory for one decoded message: protobuf-c allocates some thirty times a series, and all of it dies
/// together.
@safe struct MessageArena: ~Copyable {
    /// Behind a pointer, since protobuf-c hands a pointer back for each allocation.
    @safe private struct State {
        var chunks = unsafe [UnsafeMutableRawPointer]()
        var free: UnsafeMutableRawPointer?
        var left = 0
    }

    private static let chunkBytes = 1 << 20

    private let state: UnsafeMutablePointer<State>

    init() {
        // Safety: initialised here, freed in deinit, never moved.
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: State())
    }

    deinit {
        while let chunk = unsafe state.pointee.chunks.popLast() { unsafe free(chunk) }
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Runs `body` with an allocator that takes from this arena; nothing it gives outlives the arena.
    func withAllocator<Result>(_ body: (UnsafeMutablePointer<ProtobufCAllocator>) -> Result) -> Result {
        // Safety: the state outlives the call, and protobuf-c gives the pointer back as it got it.
        var allocator = unsafe ProtobufCAllocator(
            alloc: { arena, count in
                guard let arena = unsafe arena else { return nil }
                return unsafe MessageArena.allocate(count, arena.assumingMemoryBound(to: State.self))
            },
            // All is freed with the arena.
            free: { _, _ in }, allocator_data: UnsafeMutableRawPointer(state))
        return unsafe body(&allocator)
    }

    /// Nil only when the machine has no memory, which protobuf-c takes for a message that cannot be read.
    private static func allocate(
        _ count: Int, _ state: UnsafeMutablePointer<State>
    ) -> UnsafeMutableRawPointer? {
        // 16 bytes is malloc's own alignment.
        let needed = (count + 15) & ~15
        if unsafe state.pointee.left < needed {
            let size = max(chunkBytes, needed)
            guard let chunk = unsafe malloc(size) else { return nil }
            unsafe state.pointee.chunks.append(chunk)
            unsafe state.pointee.free = chunk
            unsafe state.pointee.left = size
        }
        guard let result = unsafe state.pointee.free else { return nil }
        unsafe state.pointee.free = result + needed
        unsafe state.pointee.left -= needed
        return unsafe result
    }
}
