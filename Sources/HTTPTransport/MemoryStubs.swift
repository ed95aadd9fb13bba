extension HTTPClient {
    public func relax() {}
    public func memoryLimitsChanged() {}
    public var spareBytes: Int { 0 }
    public var connectionCount: Int { 0 }
}
