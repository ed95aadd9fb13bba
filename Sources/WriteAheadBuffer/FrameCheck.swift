internal import MetricModel

extension Frame {
    /// What in the frame contradicts itself, so that no reader would take it; nil when nothing does.
    var contradiction: String? {
        if layout.seriesCount > StatementCoding.maxSeries {
            return "it has more than \(StatementCoding.maxSeries) series"
        }
        if layout.chunks.contains(where: { $0.targetLabelBound > target.labels.count }) {
            return "its layout uses a label that the target has not"
        }
        if !Self.ascends(absent, below: layout.seriesCount) {
            return "its absent series are out of order or range"
        }
        if !Self.ascends(explicitTimestamps.lazy.map(\.series), below: layout.seriesCount) {
            return "its explicit timestamps are out of order or range"
        }
        for group in departed {
            if group.chunk.targetLabelBound > target.labels.count {
                return "its departed series use a label that the target has not"
            }
            if !Self.ascends(group.series, below: group.chunk.seriesCount) {
                return "its departed series are out of order or range"
            }
        }
        return nil
    }

    private static func ascends(_ ordinals: some Sequence<UInt32>, below bound: Int) -> Bool {
        var next: UInt32 = 0
        for ordinal in ordinals {
            guard ordinal >= next, Int(ordinal) < bound else { return false }
            next = ordinal + 1  // No overflow: the bound is far below.
        }
        return true
    }
}
