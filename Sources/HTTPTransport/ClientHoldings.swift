import Synchronization

/// What a client holds between requests, for whoever asks from another thread: as the transfer thread said it
/// last.
final class ClientHoldings: Sendable {
    private let plain = Atomic<Int>(0)
    private let curl = Atomic<Int>(0)
    private let handles = Atomic<Int>(0)

    /// Connections open, idle ones included.
    var connectionCount: Int { plain.load(ordering: .relaxed) + curl.load(ordering: .relaxed) }

    /// An estimate of what easy handles hold that are kept.
    var handleBytes: Int { handles.load(ordering: .relaxed) * KeptHandles.handleBytes }

    /// For the transfer thread: connections of the plain way and of libcurl, and easy handles that are kept.
    func report(plain: Int, curl: Int, handles: Int) {
        self.plain.store(plain, ordering: .relaxed)
        self.curl.store(curl, ordering: .relaxed)
        self.handles.store(handles, ordering: .relaxed)
    }
}
