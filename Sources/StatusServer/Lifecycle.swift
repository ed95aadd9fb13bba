/// What `/-/reload` and `/-/quit` do.
public struct Lifecycle: Sendable {
    let reload: @Sendable () async -> String?
    let quit: @Sendable () -> Void

    /// `reload` returns when the configuration was read again: nil when it runs, else what is wrong with it,
    /// a line a fault. `quit` asks for the end and returns at once.
    public init(reload: @escaping @Sendable () async -> String?, quit: @escaping @Sendable () -> Void) {
        self.reload = reload
        self.quit = quit
    }
}
