internal import CPlatform
import Synchronization

/// What glibc's malloc is told.
public enum Heap {
    /// Keeps malloc to `count` arenas; call before the first thread starts.
    public static func limitArenas(to count: Int) { narthex_limit_arenas(Int32(count)) }

    /// Makes each block of `bytes` and more a mapping of its own, whose pages go back to the kernel with it.
    /// By itself glibc learns from the first such block that is freed to keep those like it, up to 32 MiB:
    /// a target of a million series left eight megabytes behind with each of its first scrapes.
    public static func returnLargeBlocks(from bytes: Int) {
        let bytes = Int32(clamping: bytes)
        narthex_return_large_blocks(bytes)
        trimThreshold.store(2 * min(bytes, Int32.max / 2), ordering: .relaxed)
    }

    /// As malloc was told; 0 while it was not.
    private static let trimThreshold = Atomic<Int32>(0)

    /// Has the calling thread rest: what malloc keeps for it alone is freed, and goes back to the kernel with
    /// the next `trim`. Costs about a tenth of a millisecond.
    public static func restThisThread() {
        narthex_rest_thread(trimThreshold.load(ordering: .relaxed))
    }

    private static let restsAsked = Atomic<UInt64>(0)

    /// Has each thread that calls `restIfAsked` rest when it does so the next time. Any thread.
    public static func askThreadsToRest() { restsAsked.wrappingAdd(1, ordering: .relaxed) }

    /// Has the calling thread rest if that was asked for since it last did. For threads that live long, after
    /// their work; otherwise it costs a load and a comparison. Returns whether the thread has rested.
    @discardableResult
    public static func restIfAsked() -> Bool {
        let asked = restsAsked.load(ordering: .relaxed)
        return narthex_rest_thread_once(asked, trimThreshold.load(ordering: .relaxed)) != 0
    }

    /// How many bytes malloc has given out, and how many it keeps free for later. Free bytes may be part
    /// of the resident memory until `trim` hands their pages back to the kernel.
    public static var bytes: (allocated: UInt64, free: UInt64) {
        var (allocated, free): (UInt64, UInt64) = (0, 0)
        // Safety: both pointers are used only inside the call.
        unsafe narthex_heap_bytes(&allocated, &free)
        return (allocated, free)
    }

    /// Hands free pages back to the kernel: after a large body, a reload, a target's end.
    public static func trim() { narthex_trim_heap() }
}
