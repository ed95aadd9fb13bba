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
        AccountPace(pacer: pacer(region, account).pacer, isKnown: account != nil) { account in
            self.pacer(region, account)
        }
    }

    /// AWS counts calls by account and region. One that is named for the first time goes on where those not
    /// known yet are: its calls were among theirs.
    private func pacer(_ region: String, _ account: String?) -> (pacer: CallPacer, isNew: Bool) {
        pacers.withLock { pacers in
            let key = Key(region: region, account: account)
            if let known = pacers[key] { return (known, false) }
            let made =
                pacers[Key(region: region, account: nil)].map { CallPacer(goingOnFrom: $0) }
                ?? CallPacer(clock: clock, registry: registry)
            pacers[key] = made
            return (made, true)
        }
    }
}
