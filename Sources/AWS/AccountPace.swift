public import HTTPTransport
import Synchronization

/// The pace that one way of asking keeps: its account's. Thread-safe.
public final class AccountPace: Sendable {
    private struct State {
        var pacer: CallPacer
        var isKnown: Bool
        /// Calls made while the account was not known.
        var made: [DiscoveryOperation] = []
    }

    private let state: Mutex<State>
    private let ofAccount: @Sendable (String) -> (pacer: CallPacer, isNew: Bool)

    init(
        pacer: CallPacer, isKnown: Bool,
        ofAccount: @escaping @Sendable (String) -> (pacer: CallPacer, isNew: Bool)
    ) {
        state = Mutex(State(pacer: pacer, isKnown: isKnown))
        self.ofAccount = ofAccount
    }

    /// `http` with every call of discovery held to its pace.
    public func paced(_ http: any HTTPPerforming) -> any HTTPPerforming { PacedHTTP(http: http, pace: self) }

    /// Returns when the call may be made, and whose turn it was; throws when the task is cancelled.
    func take(_ operation: DiscoveryOperation) async throws -> CallPacer {
        let pacer = state.withLock { state in
            if !state.isKnown, state.made.count < Self.remembered { state.made.append(operation) }
            return state.pacer
        }
        try await pacer.take(operation)
        return pacer
    }

    /// More than the buckets of an account hold.
    private static let remembered = 200

    /// What an answer of ECS or EC2 says: every list and description is of things of the account that was
    /// asked.
    func learn(from answer: [UInt8]) {
        guard !state.withLock({ $0.isKnown }), let account = Self.account(in: answer) else { return }
        let found = ofAccount(account)
        let made = state.withLock { state in
            defer { state = State(pacer: found.pacer, isKnown: true) }
            return state.isKnown ? [] : state.made
        }
        // One that is new goes on where those not known yet are, which these calls were made by.
        if !found.isNew { found.pacer.charge(made) }
    }

    /// Bytes of an answer that are looked at: ARNs stand at its beginning.
    private static let lookedAtBytes = 8_192

    /// Of the first `arn:aws:ecs:region:123456789012:…` of ECS, or the first reservation's
    /// `<ownerId>123456789012</ownerId>` of EC2.
    static func account(in answer: [UInt8]) -> String? {
        let text = String(decoding: answer.prefix(lookedAtBytes), as: UTF8.self)
        if text.hasPrefix("<") {
            let owner = text.split(separator: "<").first { $0.hasPrefix("ownerId>") }
            return owner.map { String($0.dropFirst("ownerId>".count)) }.flatMap { isAccount($0) ? $0 : nil }
        }
        for quoted in text.split(separator: "\"") where quoted.hasPrefix("arn:") {
            let parts = quoted.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
            guard parts.count == 6, parts[2] == "ecs", isAccount(parts[4]) else { continue }
            return String(parts[4])
        }
        return nil
    }

    private static func isAccount(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 12 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
