import Synchronization

/// A count that only grows. Thread-safe, one atomic addition.
public final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    init() {}

    /// Adds `amount`.
    public func add(_ amount: UInt64 = 1) { count.wrappingAdd(amount, ordering: .relaxed) }

    /// The count now.
    public var value: UInt64 { count.load(ordering: .relaxed) }
}

/// A number that goes up and down. Thread-safe.
public final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    init() {}

    public func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    /// The last number set; 0 before the first.
    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}

/// A classic cumulative histogram. Thread-safe; for what happens per scrape or request, not per sample.
public final class Histogram: Sendable {
    struct State {
        var counts: [UInt64]
        var sum: Double = 0
    }

    /// Upper bounds, ascending, without +Inf.
    let bounds: [Double]
    let state: Mutex<State>

    init(bounds: [Double]) {
        precondition(bounds.allSatisfy(\.isFinite), "+Inf is added when the page is rendered")
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "histogram bounds ascend")
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    public func observe(_ value: Double) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[index] += 1
            state.sum += value
        }
    }
}

/// One number of a family read when the page is rendered.
public struct Measurement: Sendable {
    public let labels: [(name: String, value: String)]
    public let value: Double

    public init(labels: [(name: String, value: String)] = [], value: Double) {
        self.labels = labels
        self.value = value
    }
}

/// The type of a metric family, as the exposition format names it.
public enum MetricType: String, Sendable {
    case counter, gauge, histogram, summary
}
