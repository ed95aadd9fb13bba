internal import MetricModel

/// What a frame rarely has: histograms, exemplars, start timestamps. Their bytes follow the column, where the
/// record's header says that there are any.
struct FrameSides: Sendable {
    private static let hasHistograms: UInt8 = 1
    private static let hasExemplars: UInt8 = 2
    private static let hasStarts: UInt8 = 4
    /// Start timestamps are those of the base.
    private static let hasBaseStarts: UInt8 = 8

    var histograms: [Frame.Histogram] = []
    var exemplars: [Frame.SeriesExemplar] = []
    var starts: [Frame.StartTimestamp] = []

    init() {}

    init(_ frame: Frame) {
        histograms = frame.histograms
        exemplars = frame.exemplars
        starts = frame.startTimestamps
    }

    var isEmpty: Bool { histograms.isEmpty && exemplars.isEmpty && starts.isEmpty }

    /// `base` is what the target's frame before had; nil where that has another layout, or there is none.
    func put(base: FrameSides?, timestampMs: Int64, into buffer: inout RecordBuffer) {
        let repeatsStarts = !starts.isEmpty && starts == base?.starts
        var kinds: UInt8 = histograms.isEmpty ? 0 : Self.hasHistograms
        if !exemplars.isEmpty { kinds |= Self.hasExemplars }
        if !starts.isEmpty { kinds |= repeatsStarts ? Self.hasBaseStarts : Self.hasStarts }
        buffer.putByte(kinds)
        if !histograms.isEmpty {
            buffer.putAscending(histograms.map(\.series))
            var walk = BaseWalk(base?.histograms ?? [])
            for entry in histograms {
                HistogramCoding.put(entry.histogram, base: walk.histogram(of: entry.series), into: &buffer)
            }
        }
        if !exemplars.isEmpty {
            buffer.putVarint(UInt64(exemplars.count))
            var before: UInt32 = 0
            for entry in exemplars {
                buffer.putVarint(UInt64(entry.series - before))
                before = entry.series
                buffer.putRaw(entry.exemplar.encodedLabels)
                buffer.putFloat(entry.exemplar.value, base: 0)
                buffer.putByte(entry.exemplar.timestampMs == nil ? 0 : 1)
                if let ownMs = entry.exemplar.timestampMs { buffer.putSigned(ownMs &- timestampMs) }
            }
        }
        if kinds & Self.hasStarts != 0 {
            buffer.putAscending(starts.map(\.series))
            // Most series of a process begin with it.
            var before = timestampMs
            for start in starts {
                buffer.putSigned(start.timestampMs &- before)
                before = start.timestampMs
            }
        }
    }

    /// Reads what stands at `offset` and moves it behind; nil when it is damaged or does not fit a layout of
    /// `values.count` series with these values, sums of histograms among them.
    init?(
        _ bytes: Span<UInt8>, _ offset: inout Int, base: FrameSides?, timestampMs: Int64, values: [Double]
    ) {
        guard let kinds = Wire.byte(bytes, &offset), kinds < 16,
            kinds & (Self.hasStarts | Self.hasBaseStarts) != Self.hasStarts | Self.hasBaseStarts
        else { return nil }
        if kinds & Self.hasHistograms != 0 {
            guard let series = Wire.ascending(bytes, &offset), series.last.map({ $0 < values.count }) ?? true
            else { return nil }
            var walk = BaseWalk(base?.histograms ?? [])
            histograms.reserveCapacity(series.count)
            for ordinal in series {
                guard
                    let histogram = HistogramCoding.histogram(
                        bytes, &offset, sum: values[Int(ordinal)], base: walk.histogram(of: ordinal))
                else { return nil }
                histograms.append(Frame.Histogram(series: ordinal, histogram: histogram))
            }
        }
        if kinds & Self.hasExemplars != 0 {
            guard readExemplars(bytes, &offset, timestampMs: timestampMs, seriesCount: values.count) else {
                return nil
            }
        }
        if kinds & Self.hasStarts != 0 {
            guard let series = Wire.ascending(bytes, &offset), series.last.map({ $0 < values.count }) ?? true
            else { return nil }
            starts.reserveCapacity(series.count)
            var before = timestampMs
            for ordinal in series {
                guard let difference = Wire.signed(bytes, &offset) else { return nil }
                before = before &+ difference
                starts.append(Frame.StartTimestamp(series: ordinal, timestampMs: before))
            }
        } else if kinds & Self.hasBaseStarts != 0 {
            guard let base else { return nil }
            starts = base.starts
        }
    }

    private mutating func readExemplars(
        _ bytes: Span<UInt8>, _ offset: inout Int, timestampMs: Int64, seriesCount: Int
    ) -> Bool {
        // Distance, empty labels, value and time: a byte each at least.
        guard let count = Wire.count(bytes, &offset, itemBytes: 4) else { return false }
        exemplars.reserveCapacity(count)
        var series: UInt64 = 0
        for _ in 0..<count {
            guard let distance = Wire.varint32(bytes, &offset), let labels = Wire.raw(bytes, &offset),
                let value = Wire.float(bytes, &offset, base: 0), let timed = Wire.byte(bytes, &offset),
                timed <= 1
            else { return false }
            var ownMs: Int64?
            if timed == 1 {
                guard let difference = Wire.signed(bytes, &offset) else { return false }
                ownMs = timestampMs &+ difference
            }
            series += UInt64(distance)
            guard series < UInt64(seriesCount),
                let exemplar = Exemplar(encodedLabels: labels, value: value, timestampMs: ownMs)
            else { return false }
            exemplars.append(Frame.SeriesExemplar(series: UInt32(series), exemplar: exemplar))
        }
        return true
    }

    /// Finds the histograms of ascending series in another ascending list.
    private struct BaseWalk {
        private let histograms: [Frame.Histogram]
        private var index = 0

        init(_ histograms: [Frame.Histogram]) { self.histograms = histograms }

        mutating func histogram(of series: UInt32) -> NativeHistogram? {
            while index < histograms.count, histograms[index].series < series { index += 1 }
            guard index < histograms.count, histograms[index].series == series else { return nil }
            return histograms[index].histogram
        }
    }
}
