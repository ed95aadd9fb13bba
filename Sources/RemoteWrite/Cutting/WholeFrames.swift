internal import MetricModel
internal import WriteAheadBuffer

/// Whole frames that stand one after the other in a request, and the order in which their samples are
/// written.
///
/// Frames of one shape are written a few series at a time: the first series of each frame, then the next of
/// each. The labels of a series then stand a few hundred bytes before, in the frame before it, and those of
/// its target in the series before it. Snappy packs that better, and more quickly, than one frame after the
/// other.
///
/// The order follows from the frames themselves, so that a request made again after a crash is the same byte
/// for byte: from what is on disk, never from which objects are shared, or from how a request came about.
enum WholeFrames {
    /// More frames side by side bring little, and where each target has long labels of its own they cost:
    /// what a series repeats of its own target then lies farther back.
    private static let mostTogether = 8
    /// How many series of one frame stand in a row. Pages of node_exporter and RabbitMQ take a quarter fewer
    /// bytes so, as with one at a time; series of one target that are much alike, and numbers that are not,
    /// as in a load generator, take fewer than with one at a time.
    static let rowsTogether = 8

    /// Frames of the same shape have as many series, and as many bytes of labels. They mostly have the same
    /// series; where they have not, the request is as right, and larger.
    private struct Shape: Hashable {
        let seriesCount: Int
        let labelBytes: Int

        init(_ layout: Layout) {
            seriesCount = layout.seriesCount
            labelBytes = layout.chunks.reduce(0) { $0 + $1.code.labelBytes }
        }
    }

    /// The places in `slices` whose frames are written together, in the order in which they are written.
    static func groups(_ slices: ArraySlice<FrameSlice>) -> [[Int]] {
        var groups: [[Int]] = []
        // The group of each shape that is not full.
        var open: [Shape: Int] = [:]
        for place in slices.indices {
            let shape = Shape(slices[place].frame.layout)
            if let group = open[shape], groups[group].count < mostTogether {
                groups[group].append(place)
            } else {
                open[shape] = groups.count
                groups.append([place])
            }
        }
        return groups
    }

    /// How many of the first `slices` are whole frames of different targets that hold nothing but plain
    /// samples, and pass `admits`.
    static func count(_ slices: ArraySlice<FrameSlice>, admits: (FrameSlice) -> Bool) -> Int {
        var targets: Set<UInt64> = []
        var count = 0
        for slice in slices {
            guard slice.isWholeAndPlain, targets.insert(slice.frame.target.id).inserted, admits(slice) else {
                break
            }
            count += 1
        }
        return count
    }
}

extension FrameSlice {
    /// Whether it is all of a frame that holds one plain sample of each series of its layout, and rules have
    /// not made its series equal to another target's. The samples of each series must stand in a request in
    /// the order of the log.
    fileprivate var isWholeAndPlain: Bool {
        from == 0 && to == place.sampleCount && to == frame.values.count && to == frame.layout.seriesCount
            && !repeatsSeries && drops.isEmpty && !drops.losesTargetLabels
            && frame.absent.isEmpty && frame.departed.isEmpty && frame.explicitTimestamps.isEmpty
            && frame.exemplars.isEmpty && frame.histograms.isEmpty
            && frame.layout.histogramSeries.isEmpty
    }
}
