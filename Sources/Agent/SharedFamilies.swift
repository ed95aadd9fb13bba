import MetricModel
import Platform
import Synchronization

/// What the targets of all jobs say about their metric families, for the senders, which are made before the
/// jobs and outlive them.
final class SharedFamilies: Sendable {
    private struct State {
        var source: (@Sendable () -> [[MetricMetadata]])?
        var made: [MetricMetadata] = []
        var madeNs: UInt64?
    }

    /// Destinations that ask within so long are given the same list: reading what all targets say is work.
    static let keptNs: UInt64 = 5_000_000_000

    private let clock: any AgentClock
    /// Held while a list is made, so that destinations that ask at one time wait for one.
    private let state = Mutex(State())

    init(clock: any AgentClock) { self.clock = clock }

    /// Sets the function that is asked for the families, a list for each job. Called once there are jobs.
    func set(_ source: @escaping @Sendable () -> [[MetricMetadata]]) {
        state.withLock { $0 = State(source: source) }
    }

    /// Each family once, as the last job that has it describes it; none before there are jobs. Reads what all
    /// targets say, so it is called on a worker.
    var all: [MetricMetadata] {
        state.withLock { state in
            let nowNs = clock.monotonicNs
            // Before the first scrape there is nothing, and soon there is.
            if let madeNs = state.madeNs, nowNs < madeNs + Self.keptNs, !state.made.isEmpty {
                return state.made
            }
            state.made = Self.merged(state.source?() ?? [])
            state.madeNs = nowNs
            return state.made
        }
    }

    private static func merged(_ lists: [[MetricMetadata]]) -> [MetricMetadata] {
        guard lists.count > 1 else { return lists.first ?? [] }
        var result: [MetricMetadata] = []
        var places: [String: Int] = [:]
        for family in lists.joined() {
            if let place = places[family.family] {
                result[place] = family
            } else {
                places[family.family] = result.count
                result.append(family)
            }
        }
        return result
    }
}
