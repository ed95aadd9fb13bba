import Synchronization

/// What one owner holds of a kind of the memory account. It is charged whether it fits or not: for what is
/// there already once its size is known. An owner that can wait before it takes more has a `MemoryShare`.
///
/// Any thread. What is left is given back with the object.
public final class MemoryHold: Sendable {
    private let account: MemoryAccount
    private let kind: MemoryAccount.Kind
    private let held = Mutex(0)

    public init(_ account: MemoryAccount, _ kind: MemoryAccount.Kind) {
        self.account = account
        self.kind = kind
    }

    deinit { set(0) }

    /// The owner holds `bytes` now.
    public func set(_ bytes: Int) {
        held.withLock { held in
            guard bytes != held else { return }
            account.change(kind, by: bytes - held)
            held = bytes
        }
    }
}
