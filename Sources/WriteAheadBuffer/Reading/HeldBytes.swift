internal import MetricModel

/// An estimate of the memory that a frame's own arrays take: what is in its target and layout is others' too.
enum HeldBytes {
    static func of(_ frame: Frame) -> Int {
        of(frame.values, FrameSides(frame))
            + frame.explicitTimestamps.count * MemoryLayout<Frame.ExplicitTimestamp>.stride
    }

    /// Of what a reader keeps of a frame as the base of the target's next one.
    static func of(_ values: [Double], _ sides: FrameSides) -> Int {
        var bytes = values.count * MemoryLayout<Double>.stride
        bytes += sides.starts.count * MemoryLayout<Frame.StartTimestamp>.stride
        for entry in sides.exemplars {
            bytes += MemoryLayout<Frame.SeriesExemplar>.stride + entry.exemplar.encodedLabels.count
        }
        for entry in sides.histograms {
            let histogram = entry.histogram
            let spans = histogram.positiveSpans.count + histogram.negativeSpans.count
            bytes += MemoryLayout<Frame.Histogram>.stride + 8 * (histogram.bucketCount + spans)
        }
        return bytes
    }
}
