/// What a client does while memory is scarce. Any thread. No call waits for another thread; kept buffers are
/// freed on the caller's.
extension HTTPClient {
    /// Lets go of what serves later requests only: idle connections are closed, kept buffers and handles
    /// freed.
    ///
    /// Connections in use go on, and no request fails by it. Idle connections of the plain way close at once.
    /// libcurl closes its own once they have idled for two seconds: all that are idle now within 3.15 s.
    /// Connections that become idle within the first second of that time are closed as well. After that
    /// connections are kept as always.
    public func relax() {
        pool.empty()
        queue.relax()
    }

    /// Frees the buffers that are kept for later bodies, and closes nothing.
    public func emptySpares() { pool.empty() }

    /// Has bodies that wait for memory looked at anew, after `MemoryAccount.setLimit(of: .bodies)`. Without
    /// this call it happens a tenth of a second later, and kept buffers beyond the limit stay until they are
    /// used. Where no body waits nothing is woken for it.
    public func memoryLimitsChanged() {
        pool.followLimit()
        queue.changeLimits()
    }

    /// Bytes kept for later requests, and charged to nobody: buffers of bodies, and an estimate of handles.
    public var spareBytes: Int { pool.keptBytes + holdings.handleBytes }

    /// Connections open, idle ones included, as the transfer thread saw it last.
    public var connectionCount: Int { holdings.connectionCount }
}
