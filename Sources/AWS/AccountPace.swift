public import HTTPTransport
public import Platform
import Synchronization
public import Telemetry

/// The paces of all accounts and regions that are asked. Thread-safe.
public final class CallPacers: Sendable {
    private struct Key: Hashable {
        let region: String
        /// Nil: not known yet.
        let account: String?
    }

    private let clock: any AgentClock
    private let registry: MetricRegistry
    private let pacers = Mutex<[Key: CallPacer]>([:])

    public init(clock: any AgentClock, registry: MetricRegistry) {
        self.clock = clock
        self.registry = registry
    }

    /// For one way of asking: a role, a profile, a key. Ways whose `account` is nil share one pace in a
    /// region until an answer names their account, as they may well have the same.
    public func pace(region: String, account: String?) -> AccountPace {
        AccountPace(pacer: pacer(region, account), isKnown: account != nil) { account in
            self.pacer(region, account)
        }
    }

    /// AWS counts calls by account and region. One that is named for the first time goes on where those not
    /// known yet are: its calls were among theirs.
    private func pacer(_ region: String, _ account: String?) -> CallPacer {
        pacers.withLock { pacers in
            let key = Key(region: region, account: account)
            if let known = pacers[key] { return known }
            let made =
                pacers[Key(region: region, account: nil)].map { CallPacer(goingOnFrom: $0) }
                ?? CallPacer(clock: clock, registry: registry)
            pacers[key] = made
            return made
        }
    }
}

/// The pace that one way of asking keeps: its account's. Thread-safe.
public final class AccountPace: Sendable {
    private struct State {
        var pacer: CallPacer
        var isKnown: Bool
    }

    private let state: Mutex<State>
    private let ofAccount: @Sendable (String) -> CallPacer

    init(pacer: CallPacer, isKnown: Bool, ofAccount: @escaping @Sendable (String) -> CallPacer) {
        state = Mutex(State(pacer: pacer, isKnown: isKnown))
        self.ofAccount = ofAccount
    }

    /// `http` with every call of discovery held to its pace.
    public func paced(_ http: any HTTPPerforming) -> any HTTPPerforming { PacedHTTP(http: http, pace: self) }

    var pacer: CallPacer { state.withLock { $0.pacer } }

    /// What an answer of ECS says: every list and description is of things of the account that was asked.
    func learn(from answer: [UInt8]) {
        guard !state.withLock({ $0.isKnown }), let account = Self.account(in: answer) else { return }
        let pacer = ofAccount(account)
        state.withLock { $0 = State(pacer: pacer, isKnown: true) }
    }

    /// Bytes of an answer that are looked at: ARNs stand at its beginning.
    private static let lookedAtBytes = 8_192

    /// Of the first `arn:aws:ecs:region:123456789012:…`.
    static func account(in answer: [UInt8]) -> String? {
        let text = String(decoding: answer.prefix(lookedAtBytes), as: UTF8.self)
        for quoted in text.split(separator: "\"") where quoted.hasPrefix("arn:") {
            let parts = quoted.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
            guard parts.count == 6, parts[2] == "ecs", parts[4].utf8.count == 12,
                parts[4].utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else { continue }
            return String(parts[4])
        }
        return nil
    }
}
