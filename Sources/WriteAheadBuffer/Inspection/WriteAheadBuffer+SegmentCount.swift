extension WriteAheadBuffer {
    /// Segments there are.
    public var segmentCount: Int { core.catalog.all.count }
}
