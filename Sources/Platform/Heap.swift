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

    /// Hands free pages back to the kernel: after a large body, a reload, a target's end.
    public static func trim() { narthex_trim_heap() }
}
