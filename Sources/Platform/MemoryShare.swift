import Synchronization

/// What one of several equal owners holds of a kind of the memory account. Together they may hold half of
/// what the kind may, each as much as any other, however much the others hold: so one that holds much takes
/// nothing from the rest. The other half is for what is held whether it fits or not (`MemoryHold`).
///
/// What is held is charged whether it fits or not; the owner asks `isUsedUp` before it takes more. Any
/// thread. What is left is given back with the object.
public final class MemoryShare: Sendable {
    private let account: MemoryAccount
    private let kind: MemoryAccount.Kind
    private let leastBytes: Int
    private let held = Mutex(0)

    /// However many owners there are, each may hold `leastBytes`.
    public init(_ account: MemoryAccount, _ kind: MemoryAccount.Kind, leastBytes: Int = 0) {
        self.account = account
        self.kind = kind
        self.leastBytes = leastBytes
        account.changeShares(of: kind, by: 1)
    }

    deinit {
        account.change(kind, by: -held.withLock { $0 })
        account.changeShares(of: kind, by: -1)
    }

    /// What the owner may hold now.
    public var limitBytes: Int {
        max(leastBytes, account.limitBytes(of: kind) / 2 / max(1, account.shares(of: kind)))
    }

    /// What the owner holds.
    public var heldBytes: Int { held.withLock { $0 } }

    /// Whether the owner holds as much as it may, or more.
    public var isUsedUp: Bool { heldBytes >= limitBytes }

    /// The owner holds so much more now; below zero so much less.
    public func change(by bytes: Int) {
        guard bytes != 0 else { return }
        held.withLock { held in
            account.change(kind, by: bytes)
            held += bytes
        }
    }
}
