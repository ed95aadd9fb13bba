extension ScrapePool {
    public var shedsNewSeries: Bool {
        get { false }
        set {}
    }
    public var holdsNewTargets: Bool {
        get { false }
        set {}
    }
    public var waitingTargets: Int { 0 }
}
