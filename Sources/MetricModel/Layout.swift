/// The series of one scrape: a list of chunks. They stand in the order of the exposition, or where a page
/// changes often in an order that is kept from scrape to scrape. A changed line makes its chunk anew and
/// leaves the others as they are; targets whose lines are equal share the chunks.
public struct Layout: Sendable {
    public let chunks: [LayoutChunk]
    /// `chunks.count + 1` ordinals: chunk `c` holds the series `starts[c]..<starts[c + 1]`.
    public let starts: [UInt32]
    /// Ordinals of the series whose samples are native histograms, ascending. Mostly empty.
    public let histogramSeries: [UInt32]

    public init(_ chunks: [LayoutChunk]) {
        self.chunks = chunks
        var starts: [UInt32] = [0]
        starts.reserveCapacity(chunks.count + 1)
        var total: UInt32 = 0
        var histograms: [UInt32] = []
        for chunk in chunks {
            for series in chunk.histogramSeries { histograms.append(total + series) }
            total += UInt32(chunk.seriesCount)
            starts.append(total)
        }
        self.starts = starts
        histogramSeries = histograms
    }

    /// How many series there are in all.
    public var seriesCount: Int { Int(starts[starts.count - 1]) }

    /// Whether both hold the same chunk objects in the same order; with interned chunks, whether they are
    /// equal.
    public func isIdentical(to other: Layout) -> Bool {
        chunks.count == other.chunks.count && zip(chunks, other.chunks).allSatisfy { $0 === $1 }
    }

    /// The labels of one series of `target`, decoded, for pages and tests.
    public func labels(ofSeries ordinal: Int, target: Target) -> LabelSet? {
        guard ordinal >= 0, ordinal < seriesCount else { return nil }
        var low = 0
        var high = chunks.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if Int(starts[middle]) <= ordinal { low = middle } else { high = middle }
        }
        return chunks[low].labels(ofSeries: ordinal - Int(starts[low]), target: target)
    }
}
