import Synchronization

/// What `/-/reload` and `/-/quit` do.
public final class Lifecycle: Sendable {
    let reload: @Sendable () async -> String?
    private let whenQuit: @Sendable () -> Void
    private let isQuitting = Mutex(false)

    /// `reload` returns when the configuration was read again: nil when it runs, else what is wrong with it,
    /// a line a fault. `quit` asks for the end and returns at once; it is called once.
    public init(reload: @escaping @Sendable () async -> String?, quit: @escaping @Sendable () -> Void) {
        self.reload = reload
        whenQuit = quit
    }

    /// Asks for the end; false where somebody has done so before.
    func quit() -> Bool {
        let isFirst = isQuitting.withLock { isQuitting in
            defer { isQuitting = true }
            return !isQuitting
        }
        if isFirst { whenQuit() }
        return isFirst
    }
}
