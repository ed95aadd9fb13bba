import Platform
import Synchronization

/// Quantiles of what was observed in the last ten minutes, and the sum and count of all. Thread-safe; for
/// what happens per scrape or refresh, not per sample.
///
/// As in Prometheus' client library, five streams take every value. Each is emptied after ten minutes, one
/// every two, and the one that has gone longest answers: so quantiles are those of the last eight to ten
/// minutes. Values wait until `batchSize` of them are put into the streams at once.
public final class Summary: Sendable {
    /// `MaxAge` and `AgeBuckets` of Prometheus' client library.
    private static let windowNs: UInt64 = 600_000_000_000
    private static let streamCount: UInt64 = 5
    static let batchSize = 128

    /// What the page shows.
    struct Snapshot {
        /// NaN where the window is empty.
        var quantiles: [(quantile: Double, value: Double)]
        var sum: Double
        var count: UInt64
    }

    private struct State {
        var streams: [QuantileStream]
        /// The stream that answers: the next to be emptied.
        var oldest = 0
        var nextTurnNs: UInt64
        var waiting: [Double] = []
        var sum: Double = 0
        var count: UInt64 = 0

        mutating func flush(_ objectives: [QuantileObjective]) {
            guard !waiting.isEmpty else { return }
            waiting.sort()
            for index in streams.indices { streams[index].insert(waiting, for: objectives) }
            waiting.removeAll(keepingCapacity: true)
        }

        /// Empties the streams whose time is over.
        mutating func turn(_ nowNs: UInt64, _ objectives: [QuantileObjective]) {
            guard nowNs >= nextTurnNs else { return }
            flush(objectives)
            let turnNs = Summary.windowNs / Summary.streamCount
            let turns = (nowNs - nextTurnNs) / turnNs + 1
            for _ in 0..<min(turns, Summary.streamCount) {
                streams[oldest] = QuantileStream()
                oldest = (oldest + 1) % streams.count
            }
            nextTurnNs += turns * turnNs
        }
    }

    private let objectives: [QuantileObjective]
    private let clock: any AgentClock
    private let state: Mutex<State>

    init(_ objectives: [QuantileObjective], clock: any AgentClock) {
        self.objectives = objectives
        self.clock = clock
        state = Mutex(
            State(
                streams: Array(repeating: QuantileStream(), count: Int(Self.streamCount)),
                nextTurnNs: clock.monotonicNs + Self.windowNs / Self.streamCount))
    }

    /// Adds a value. NaN has no rank and is left out.
    public func observe(_ value: Double) {
        guard !value.isNaN else { return }
        let nowNs = clock.monotonicNs
        state.withLock { state in
            state.turn(nowNs, objectives)
            state.sum += value
            state.count += 1
            state.waiting.append(value)
            if state.waiting.count >= Self.batchSize { state.flush(objectives) }
        }
    }

    var snapshot: Snapshot {
        let nowNs = clock.monotonicNs
        return state.withLock { state in
            state.turn(nowNs, objectives)
            state.flush(objectives)
            let stream = state.streams[state.oldest]
            return Snapshot(
                quantiles: objectives.map { ($0.quantile, stream.value(at: $0) ?? .nan) }, sum: state.sum,
                count: state.count)
        }
    }

    /// Bytes that the values take now, waiting ones included.
    var byteCount: Int {
        state.withLock { state in
            state.streams.reduce(state.waiting.capacity * MemoryLayout<Double>.stride) { $0 + $1.byteCount }
        }
    }
}

extension [QuantileObjective] {
    /// The quantiles of Prometheus' summaries that have both tails: intervals and syncs.
    public static let bothTails: Self = [
        QuantileObjective(0.01, within: 0.001), QuantileObjective(0.05, within: 0.005),
        QuantileObjective(0.5, within: 0.05), QuantileObjective(0.9, within: 0.01),
        QuantileObjective(0.99, within: 0.001),
    ]

    /// The quantiles of its other summaries.
    public static let upperTail: Self = [
        QuantileObjective(0.5, within: 0.05), QuantileObjective(0.9, within: 0.01),
        QuantileObjective(0.99, within: 0.001),
    ]
}
