/// A quantile that is asked for, and how far the rank of the answer may be off, as a share of all values.
public struct QuantileObjective: Sendable {
    public let quantile: Double
    public let error: Double
    /// Ranks that an entry may stand for, as a share of the ranks below it or behind it: f(r, n) of the
    /// paper.
    let ofRanksBelow: Double
    let ofRanksBehind: Double

    /// Both lie between 0 and 1, and are neither.
    public init(_ quantile: Double, within error: Double) {
        precondition(quantile > 0 && quantile < 1 && error > 0 && error < 1, "a quantile lies within (0, 1)")
        self.quantile = quantile
        self.error = error
        ofRanksBelow = 2 * error / quantile
        ofRanksBehind = 2 * error / (1 - quantile)
    }
}

/// A summary of many values that answers a few quantiles within the errors asked for: "targeted quantiles" of
/// Cormode, Korn, Muthukrishnan and Srivastava, "Effective Computation of Biased Quantiles over Data Streams"
/// (ICDE 2005), which Prometheus' client library uses as well.
///
/// It keeps some of the values with bounds on their ranks. Some hundred stand for a million, whatever their
/// order, but for orders made to need more, such as values that close in on one from both sides. The number
/// never exceeds `mostEntries`: where it would, the errors allowed are doubled for the rest of the stream.
/// With values in such an order the error of a quantile can also be a few times the error that was asked for:
/// a known weakness of this method.
struct QuantileStream: Sendable {
    /// A value that was kept. Its rank is at least the sum of the widths up to and with its own, and at most
    /// that sum and its slack.
    private struct Entry {
        var value: Double
        var width: UInt32
        var slack: UInt32
    }

    /// Four times what random values need (see the tests).
    static let mostEntries = 512

    /// Ascending by value.
    private var entries: [Entry] = []
    private(set) var count: UInt32 = 0
    /// What the errors allowed are multiplied by: 1 but for an order of values that needs too many entries.
    private(set) var leniency = 1.0

    var entryCount: Int { entries.count }

    /// Bytes that the entries take.
    var byteCount: Int { entries.capacity * MemoryLayout<Entry>.stride }

    /// Adds values in ascending order, none of them NaN, and drops entries that the objectives do not need.
    mutating func insert(_ sorted: [Double], for objectives: [QuantileObjective]) {
        // Ranks are 32 bits wide: ten minutes hold fewer values by far.
        guard UInt32.max - count > UInt32(sorted.count) else { return }
        insert(sorted)
        compress(objectives)
        while entries.count > Self.mostEntries {
            leniency *= 2
            compress(objectives)
        }
    }

    /// The value whose rank is that of the quantile, within the error of its objective; nil when empty.
    func value(at objective: QuantileObjective) -> Double? {
        guard let last = entries.last else { return nil }
        let rank = (objective.quantile * Double(count)).rounded(.up)
        let bound = rank + (leniency * objective.error * Double(count)).rounded(.down)
        var before: Double?
        var lowest = 0.0
        for entry in entries {
            lowest += Double(entry.width)
            if lowest + Double(entry.slack) > bound { return before ?? entry.value }
            before = entry.value
        }
        return last.value
    }

    private mutating func insert(_ sorted: [Double]) {
        var merged: [Entry] = []
        merged.reserveCapacity(entries.count + sorted.count)
        var next = 0
        for value in sorted {
            while next < entries.count, entries[next].value <= value {
                merged.append(entries[next])
                next += 1
            }
            // The rank of a new lowest or highest value is known. Another has one of the ranks that the
            // entry behind it stands for.
            let isInside = next > 0 && next < entries.count
            let slack = isInside ? entries[next].width + entries[next].slack - 1 : 0
            merged.append(Entry(value: value, width: 1, slack: slack))
        }
        merged.append(contentsOf: entries[next...])
        entries = merged
        count += UInt32(sorted.count)
    }

    /// Joins each entry with the one behind it where both together stay within what the objectives allow.
    private mutating func compress(_ objectives: [QuantileObjective]) {
        guard entries.count > 2 else { return }
        var kept: [Entry] = []
        var highest = entries[entries.count - 1]
        var rank = Double(count)
        // From the last to the second: the lowest and the highest value stay.
        for index in stride(from: entries.count - 2, through: 1, by: -1) {
            let entry = entries[index]
            rank -= Double(highest.width)
            let together = UInt64(entry.width) + UInt64(highest.width) + UInt64(highest.slack)
            if Double(together) <= allowance(rank, objectives) {
                rank += Double(highest.width)
                highest.width += entry.width
            } else {
                kept.append(highest)
                highest = entry
            }
        }
        kept.append(highest)
        kept.append(entries[0])
        kept.reverse()
        entries = kept
    }

    /// How many ranks an entry at this rank may stand for.
    private func allowance(_ rank: Double, _ objectives: [QuantileObjective]) -> Double {
        let all = Double(count)
        var least = all
        for objective in objectives {
            let isBehind = objective.quantile * all <= rank
            least = min(
                least, isBehind ? objective.ofRanksBelow * rank : objective.ofRanksBehind * (all - rank))
        }
        return (leniency * least).rounded(.down)
    }
}
