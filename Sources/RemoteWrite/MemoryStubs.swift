extension RemoteWriter {
    public func relax() {}
}
