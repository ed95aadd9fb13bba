/// Samples of one scrape that were left out for their timestamps or as repetitions, by reason.
struct LeftOutSamples: Sendable, Equatable {
    /// As the metric has it.
    enum Reason: String, Sendable, CaseIterable {
        /// Not after the series' last sample.
        case outOfOrder = "out_of_order"
        /// A line that repeats a series.
        case duplicate = "duplicate_timestamp"
        /// Too far behind the scrape.
        case tooOld = "too_old"
        /// Too far ahead of the scrape.
        case outOfBounds = "out_of_bounds"
    }

    private struct Tally: Sendable, Equatable {
        let reason: Reason
        /// The ordinal in the layout of the first of them.
        let first: UInt32
        var count = 1
    }

    /// In the order in which the reasons came up.
    private var tallies: [Tally] = []

    var isEmpty: Bool { tallies.isEmpty }
    var total: Int { tallies.reduce(0) { $0 + $1.count } }
    var reasons: [Reason] { tallies.map(\.reason) }
    /// The ordinal of the first sample that was left out; nil for none.
    var first: UInt32? { tallies.first?.first }

    subscript(reason: Reason) -> Int { tallies.first { $0.reason == reason }?.count ?? 0 }

    /// The ordinal of the first that was left out for this reason; nil for none.
    func first(_ reason: Reason) -> UInt32? { tallies.first { $0.reason == reason }?.first }

    mutating func add(_ reason: Reason, _ ordinal: UInt32) {
        if let index = tallies.firstIndex(where: { $0.reason == reason }) {
            tallies[index].count += 1
        } else {
            tallies.append(Tally(reason: reason, first: ordinal))
        }
    }
}
