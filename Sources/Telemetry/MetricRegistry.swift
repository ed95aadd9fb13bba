import Synchronization

/// The agent's own metrics. Instruments are made once and kept by their users; asking again for the same name
/// and labels gives the same instrument.
public final class MetricRegistry: Sendable {
    public typealias Labels = [(name: String, value: String)]

    private enum Instrument {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
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

    private struct State {
        var families: [String: Family] = [:]
        var nextReader: UInt64 = 0
    }

    private let state = Mutex(State())

    public init() {}

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

    /// Takes a reader away.
    public func removeReader(_ token: UInt64) {
        state.withLock { state in
            for name in state.families.keys { state.families[name]?.readers[token] = nil }
        }
    }

    /// Takes every instrument away that carries this label, for instance of a job that a reload removed.
    public func remove(where name: String, is value: String) {
        state.withLock { state in
            state.families = state.families.mapValues { family in
                var kept = family
                kept.children = family.children.filter { child in
                    !child.value.labels.contains { $0.name == name && $0.value == value }
                }
                return kept
            }
        }
    }

    /// The page in text exposition format 0.0.4, families by name.
    public func render() -> String {
        let families = state.withLock { $0.families }
        var page = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            let measured = family.readers.sorted { $0.key < $1.key }.flatMap { $0.value() }
            guard !family.children.isEmpty || !measured.isEmpty else { continue }
            page +=
                "# HELP \(name) \(escape(family.help, quote: false))\n"
                + "# TYPE \(name) \(family.type.rawValue)\n"
            for measurement in measured { line(name, measurement.labels, measurement.value, to: &page) }
            for child in family.children.sorted(by: { $0.key < $1.key }).map(\.value) {
                switch child.instrument {
                case .counter(let counter): line(name, child.labels, Double(counter.value), to: &page)
                case .gauge(let gauge): line(name, child.labels, gauge.value, to: &page)
                case .histogram(let histogram): render(histogram, name, child.labels, to: &page)
                }
            }
        }
        return page
    }

    private func child(
        _ name: String, _ help: String, _ type: MetricType, _ labels: Labels, make: () -> Instrument
    ) -> Instrument {
        // The same labels in another order are the same series.
        let key = labels.sorted { $0.name < $1.name }
            .map { "\($0.name)=\"\(escape($0.value, quote: true))\"" }.joined(separator: ",")
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

    private func render(_ histogram: Histogram, _ name: String, _ labels: Labels, to page: inout String) {
        let snapshot = histogram.state.withLock { $0 }
        var cumulative: UInt64 = 0
        for (bound, count) in zip(histogram.bounds + [.infinity], snapshot.counts) {
            cumulative += count
            line("\(name)_bucket", labels + [("le", number(bound))], Double(cumulative), to: &page)
        }
        line("\(name)_sum", labels, snapshot.sum, to: &page)
        line("\(name)_count", labels, Double(cumulative), to: &page)
    }

    private func line(_ name: String, _ labels: Labels, _ value: Double, to page: inout String) {
        page += name
        if !labels.isEmpty {
            page += "{"
            page += labels.map { "\($0.name)=\"\(escape($0.value, quote: true))\"" }.joined(separator: ",")
            page += "}"
        }
        page += " \(number(value))\n"
    }

    private func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return "\(value)"
    }

    private func escape(_ text: String, quote: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quote: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
