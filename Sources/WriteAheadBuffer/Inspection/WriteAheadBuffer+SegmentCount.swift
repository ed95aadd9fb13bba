extension WriteAheadBuffer {
    /// Segments on the disk, as `narthex_buffer_segments` shows them.
    public var segmentCount: Int { core.catalog.fileCount }
}
