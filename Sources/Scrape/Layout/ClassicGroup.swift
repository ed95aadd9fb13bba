import MetricModel

/// The lines of a chunk that make one native histogram of custom buckets: found when the chunk is built, so
/// that a scrape of known lines only looks up numbers.
struct ClassicGroup: Sendable {
    /// The histogram's ordinal among the chunk's series; nil when rules drop it. It stands in front of the
    /// series of the line `first`.
    let series: UInt32?
    /// Indices of lines. Those in between are parts, too, but for the `strangers`.
    let first: UInt32
    private(set) var last: UInt32
    /// Ascending.
    private(set) var strangers: [UInt32] = []
    /// Ascending, +Inf left out.
    private(set) var bounds: [Double] = []
    /// For each bound its line, and then that of +Inf if there is one.
    private(set) var buckets: [UInt32] = []
    private(set) var countLine: UInt32?
    private(set) var sumLine: UInt32?
    /// Lines that stand for what another stands for: they only must not be negative.
    private(set) var repeated: [UInt32] = []
    private var infinityLine: UInt32?

    init(series: UInt32?, first: UInt32) {
        self.series = series
        self.first = first
        last = first
    }

    /// Adds a line with a part of the histogram.
    mutating func add(_ role: ClassicLine.Role, line: UInt32) {
        switch role {
        case .bucket(.infinity):
            if infinityLine == nil { infinityLine = line } else { repeated.append(line) }
        case .bucket(let bound):
            // Bounds mostly ascend; those that do not are brought in order by `finish`.
            bounds.append(bound)
            buckets.append(line)
        case .count:
            if let countLine { repeated.append(countLine) }
            countLine = line
        case .sum: sumLine = line
        case .none: preconditionFailure("only parts are added")
        }
        last = line
    }

    /// Adds a line in between that is no part.
    mutating func pass(line: UInt32) { strangers.append(line) }

    /// Whether a line between `first` and `last` is no part.
    func isStranger(_ line: UInt32) -> Bool {
        var low = 0
        var high = strangers.count
        while low < high {
            let middle = (low + high) / 2
            if strangers[middle] < line { low = middle + 1 } else { high = middle }
        }
        return low < strangers.count && strangers[low] == line
    }

    /// Brings the bounds in order. Called once, when the last line was added.
    mutating func finish(sharing before: ClassicGroup?) {
        strangers.removeAll { $0 > last }
        if zip(bounds, bounds.dropFirst()).contains(where: { !($0 < $1) }) { sort() }
        if let infinityLine { buckets.append(infinityLine) }
        // The histograms of a family mostly have the same bounds: one array for all.
        if let before, before.bounds == bounds { bounds = before.bounds }
        buckets = buckets.exactCopy
    }

    private mutating func sort() {
        let order = bounds.indices.sorted { (bounds[$0], $0) < (bounds[$1], $1) }
        var sorted: [Double] = []
        var lines: [UInt32] = []
        for index in order {
            if bounds[index] == sorted.last {
                repeated.append(buckets[index])
            } else {
                sorted.append(bounds[index])
                lines.append(buckets[index])
            }
        }
        bounds = sorted
        buckets = lines
    }

    /// The histogram of the lines' values; nil when they contradict each other: then there is none, and the
    /// scrape goes on, as in Prometheus.
    func histogram(_ values: ArraySlice<Double>) -> NativeHistogram? {
        func value(_ line: UInt32) -> Double { values[values.startIndex + Int(line)] }
        var counts: [Double] = []
        counts.reserveCapacity(buckets.count + 1)
        for line in buckets {
            let count = value(line)
            guard !(count < 0) else { return nil }
            counts.append(count)
        }
        let count = countLine.map(value)
        if let count, count < 0 { return nil }
        for line in repeated where value(line) < 0 { return nil }
        guard buckets.count <= NativeHistogram.maxBuckets else { return nil }
        // Why there is none is not told: it would be told for every scrape.
        return try? ClassicHistogram.converted(
            bounds: bounds, counts: counts, count: count, sum: sumLine.map(value) ?? 0, hint: .unknown)
    }
}
