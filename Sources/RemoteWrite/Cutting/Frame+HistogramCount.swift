internal import MetricModel

extension Frame {
    /// How many of the samples in this range (counted as `BufferPosition.sample`) are histograms, stale
    /// markers of histograms among them.
    func histogramCount(in samples: Range<Int>) -> Int {
        var count = 0
        var absentIndex = 0
        for series in layout.histogramSeries {
            while absentIndex < absent.count, absent[absentIndex] < series { absentIndex += 1 }
            if absentIndex < absent.count, absent[absentIndex] == series { continue }
            if samples.contains(Int(series) - absentIndex) { count += 1 }
        }
        var first = values.count - absent.count
        for gone in departed {
            let histograms = gone.chunk.histogramSeries
            var next = 0
            for (index, series) in gone.series.enumerated() {
                while next < histograms.count, histograms[next] < series { next += 1 }
                guard next < histograms.count else { break }
                if histograms[next] == series, samples.contains(first + index) { count += 1 }
            }
            first += gone.series.count
        }
        return count
    }
}
