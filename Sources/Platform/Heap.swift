internal import CPlatform

/// What glibc's malloc is told.
public enum Heap {
    /// Keeps malloc to `count` arenas; call before the first thread starts.
    public static func limitArenas(to count: Int) { narthex_limit_arenas(Int32(count)) }

    /// Makes each block of `bytes` and more a mapping of its own, whose pages go back to the kernel with it.
    /// By itself glibc learns from the first such block that is freed to keep those like it, up to 32 MiB:
    /// a target of a million series left eight megabytes behind with each of its first scrapes.
    public static func returnLargeBlocks(from bytes: Int) {
        narthex_return_large_blocks(Int32(clamping: bytes))
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
