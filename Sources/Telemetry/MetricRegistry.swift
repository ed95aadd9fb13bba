public import Platform
import Synchronization

/// The agent's own metrics. Instruments are made once and kept by their users; asking again for the same name
/// and labels gives the same instrument.
public final class MetricRegistry: Sendable {
    public typealias Labels = [(name: String, value: String)]

    private enum Instrument {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
        case summary(Summary)
    }

    private struct Child {
        let labels: Labels
        let instrument: Instrument
    }

    private struct Family {
        let help: String
        let type: MetricType
        var children: [String: Child] = [:]
        var readers: [UInt64: @Sendable () -> [Measurement]] = [:]
    }

    /// Families whose numbers belong together.
    public struct Together: Sendable {
        public let name: String
        public let help: String
        public let type: MetricType

        public init(_ name: String, help: String, type: MetricType) {
            self.name = name
            self.help = help
            self.type = type
        }
    }

    private struct State {
        var families: [String: Family] = [:]
        /// Each gives the numbers of some families, by name.
        var groups: [@Sendable () -> [String: [Measurement]]] = []
        var nextReader: UInt64 = 0
    }

    private let state = Mutex(State())
    private let pageBytes = Atomic<Int>(0)

    public init() {}

    /// Bytes of the last page in memory.
    public var lastPageBytes: Int { pageBytes.load(ordering: .relaxed) }

    /// How many instruments there are. A reader of `observe` may ask for it, too: none is called while the
    /// registry is locked.
    public var instrumentCount: Int {
        state.withLock { $0.families.values.reduce(0) { $0 + $1.children.count } }
    }

    /// The counter of this name and these labels.
    public func counter(_ name: String, help: String, labels: Labels = []) -> Counter {
        let child = child(name, help, .counter, labels) { .counter(Counter()) }
        guard case .counter(let counter) = child else { preconditionFailure("\(name) is no counter") }
        return counter
    }

    /// The gauge of this name and these labels.
    public func gauge(_ name: String, help: String, labels: Labels = []) -> Gauge {
        let child = child(name, help, .gauge, labels) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = child else { preconditionFailure("\(name) is no gauge") }
        return gauge
    }

    /// The histogram of this name and these labels; `bounds` are upper bounds, ascending, without +Inf.
    public func histogram(
        _ name: String, help: String, bounds: [Double], labels: Labels = []
    ) -> Histogram {
        let child = child(name, help, .histogram, labels) { .histogram(Histogram(bounds: bounds)) }
        guard case .histogram(let histogram) = child else { preconditionFailure("\(name) is no histogram") }
        return histogram
    }

    /// The summary of this name and these labels, with a window of ten minutes by `clock`.
    public func summary(
        _ name: String, help: String, objectives: [QuantileObjective], clock: any AgentClock,
        labels: Labels = []
    ) -> Summary {
        let child = child(name, help, .summary, labels) { .summary(Summary(objectives, clock: clock)) }
        guard case .summary(let summary) = child else { preconditionFailure("\(name) is no summary") }
        return summary
    }

    /// Adds a family, or to a family, whose numbers are read each time the page is rendered. The reader must
    /// neither block nor call the registry. Returns a token for `removeReader`.
    @discardableResult
    public func observe(
        _ name: String, help: String, type: MetricType, _ read: @escaping @Sendable () -> [Measurement]
    ) -> UInt64 {
        state.withLock { state in
            state.nextReader += 1
            var family = state.families[name] ?? Family(help: help, type: type)
            precondition(family.type == type, "\(name) has one type")
            family.readers[state.nextReader] = read
            state.families[name] = family
            return state.nextReader
        }
    }

    /// Adds families whose numbers belong together. `read` is called once for each page and returns the
    /// measurements of all these families, by family name. It must neither block nor call the registry.
    public func observe(
        together families: [Together], _ read: @escaping @Sendable () -> [String: [Measurement]]
    ) {
        state.withLock { state in
            for family in families {
                let known = state.families[family.name] ?? Family(help: family.help, type: family.type)
                precondition(known.type == family.type, "\(family.name) has one type")
                state.families[family.name] = known
            }
            state.groups.append(read)
        }
    }

    /// Takes a reader away.
    public func removeReader(_ token: UInt64) {
        state.withLock { state in
            for name in state.families.keys { state.families[name]?.readers[token] = nil }
        }
    }

    /// Takes every instrument away that carries this label, for instance of a job that a reload removed.
    public func remove(where name: String, is value: String) { remove(where: [(name, value)]) }

    /// Takes every instrument away that carries all of these labels.
    public func remove(where labels: Labels) {
        state.withLock { state in
            state.families = state.families.mapValues { family in
                var kept = family
                kept.children = family.children.filter { child in
                    !labels.allSatisfy { wanted in child.value.labels.contains { $0 == wanted } }
                }
                return kept
            }
        }
    }

    /// The page, families by name.
    public func render(_ format: MetricFormat = .text) -> String {
        let (families, groups) = state.withLock { ($0.families, $0.groups) }
        var together: [String: [Measurement]] = [:]
        for read in groups { together.merge(read()) { $0 + $1 } }
        var page = MetricPage(format)
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            let measured =
                family.readers.sorted { $0.key < $1.key }.flatMap { $0.value() } + (together[name] ?? [])
            guard !family.children.isEmpty || !measured.isEmpty else { continue }
            page.begin(name, family.type, help: family.help)
            for measurement in measured { page.add(measurement.value, measurement.labels) }
            for child in family.children.sorted(by: { $0.key < $1.key }).map(\.value) {
                switch child.instrument {
                case .counter(let counter): page.add(Double(counter.value), child.labels)
                case .gauge(let gauge): page.add(gauge.value, child.labels)
                case .histogram(let histogram): page.add(histogram, child.labels)
                case .summary(let summary): page.add(summary.snapshot, child.labels)
                }
            }
        }
        let finished = page.finished
        pageBytes.store(finished.utf8.count, ordering: .relaxed)
        return finished
    }

    private func child(
        _ name: String, _ help: String, _ type: MetricType, _ labels: Labels, make: () -> Instrument
    ) -> Instrument {
        // The same labels in another order are the same series.
        let key = labels.sorted { $0.name < $1.name }
            .map { "\($0.name)=\"\(MetricPage.escaped($0.value, quotes: true))\"" }.joined(separator: ",")
        return state.withLock { state in
            var family = state.families[name] ?? Family(help: help, type: type)
            precondition(family.type == type, "\(name) has one type")
            if let child = family.children[key] { return child.instrument }
            let instrument = make()
            family.children[key] = Child(labels: labels, instrument: instrument)
            state.families[name] = family
            return instrument
        }
    }
}
