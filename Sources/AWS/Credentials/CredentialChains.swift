import Synchronization

/// The chains of one process: one for each identity and way to AWS. Thread-safe.
final class CredentialChains: Sendable {
    private struct Key: Hashable {
        let configuration: CredentialConfiguration
        let way: Int
    }

    private struct State {
        var chains: [Key: CredentialChain] = [:]
        var ways = 0
    }

    private let state = Mutex(State())

    func nextWay() -> Int {
        state.withLock { state in
            state.ways += 1
            return state.ways
        }
    }

    func chain(
        _ configuration: CredentialConfiguration, way: Int, make: () -> CredentialChain
    ) -> CredentialChain {
        state.withLock { state in
            let key = Key(configuration: configuration, way: way)
            if let known = state.chains[key] { return known }
            let made = make()
            state.chains[key] = made
            return made
        }
    }

    /// Lets go of the chains that nobody else has: their identities are used no more.
    func forgetUnused() {
        state.withLock { state in
            var kept: [Key: CredentialChain] = [:]
            for key in Array(state.chains.keys) {
                guard var chain = state.chains.removeValue(forKey: key) else { continue }
                if !isKnownUniquelyReferenced(&chain) { kept[key] = chain }
            }
            state.chains = kept
        }
    }

    var all: [(configuration: CredentialConfiguration, chain: CredentialChain)] {
        state.withLock { $0.chains.map { ($0.key.configuration, $0.value) } }
    }
}
