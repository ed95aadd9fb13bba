/// What libcurl keeps for later requests: easy handles between two transfers, and idle connections, which go
/// while memory is scarce. Transfer thread only.
struct KeptHandles {
    /// An estimate of what a handle that was used holds: libcurl's own state, thirty options and their
    /// copies, and the TLS sessions that it remembers.
    static let handleBytes = 20 << 10
    /// A few KiB each; more than ever run at once outside a fault.
    private static let limit = 64

    private let multi: MultiHandle
    private let idleSeconds: Int
    private var handles: [EasyHandle] = []
    private var relaxing = RelaxWindow()

    init(_ multi: MultiHandle, idleConnectionMs: Int64) {
        self.multi = multi
        idleSeconds = Int(max(1, idleConnectionMs / 1_000))
    }

    var count: Int { handles.count }

    /// One that is configured for such a request, or else any, or a new one; nil when there is no memory.
    mutating func take(for request: HTTPRequest) -> EasyHandle? {
        if let index = handles.lastIndex(where: { $0.isConfigured(for: request) }) {
            return handles.remove(at: index)
        }
        return handles.popLast() ?? EasyHandle(countedBy: multi.sockets)
    }

    /// Keeps a handle whose transfer went well.
    mutating func keep(_ easy: EasyHandle) {
        guard handles.count < Self.limit else { return }
        easy.finish()
        handles.append(easy)
    }

    /// Frees the handles; connections that idle are closed from now on, for a while.
    mutating func relax(nowNs: UInt64) {
        handles = []
        relaxing.open(nowNs: nowNs)
    }

    /// When `closeIdle` is to be called; `.max`: not at all.
    var nextNs: UInt64 { relaxing.nextNs }

    /// Has libcurl close connections that idle, when it is time for that; the text of a failure, or nil.
    mutating func closeIdle(nowNs: UInt64) -> String? {
        relaxing.isDue(nowNs: nowNs) ? multi.closeIdle() : nil
    }

    /// What a connection may have idled for to be used again; libcurl closes those that idled longer.
    func mostIdleSeconds(nowNs: UInt64) -> Int {
        relaxing.isOpen(nowNs: nowNs) ? min(idleSeconds, RelaxWindow.mostIdleSeconds) : idleSeconds
    }
}
