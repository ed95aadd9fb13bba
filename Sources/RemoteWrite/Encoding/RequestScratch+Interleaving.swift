internal import MetricModel

/// Where the series of one frame are read from, for the length of one closure.
@unsafe struct EncodingLane {
    let labels: LabelPointers
    /// The ordinal of the first series that `labels` knows.
    let firstSeries: Int
    /// The values of all of the frame's series.
    let values: UnsafePointer<Double>
    let field: TimestampField
}

/// Frames of one shape, written a few series at a time.
extension RequestScratch {
    /// Writes the samples of all `frames`, a few series of each at a time; none of them when they do not fit
    /// into `limitBytes`, which bounds the whole request. Each frame has `seriesCount` series, and a plain
    /// sample of each. Returns the share that was written before the limit: 1 when all are.
    func appendInterleaved(_ frames: [Frame], seriesCount: Int, limitBytes: Int) -> Double {
        precondition(
            frames.allSatisfy { $0.values.count == seriesCount && $0.layout.seriesCount == seriesCount },
            "frames of one shape have a value for each of their series")
        let before = written
        pad(frames.map(\.target))
        var lanes: [EncodingLane] = unsafe []
        unsafe lanes.reserveCapacity(frames.count)
        var chunks = [Int](repeating: 0, count: frames.count)
        var row = 0
        while row < seriesCount {
            var end = seriesCount
            for (number, frame) in frames.enumerated() {
                let starts = frame.layout.starts
                while Int(starts[chunks[number] + 1]) <= row { chunks[number] += 1 }
                end = min(end, Int(starts[chunks[number] + 1]))
            }
            let rows = row..<end
            var passed = 0
            unsafe lanes.removeAll(keepingCapacity: true)
            unsafe withLanes(frames[...], chunks[...], &lanes) { lanes in
                var cursor = unsafe RequestCursor(self, limitBytes: limitBytes)
                passed = unsafe cursor.putRows(lanes, rows, self)
                written = unsafe cursor.byteCount
            }
            guard passed == rows.count else {
                written = before
                return Double(row + passed) / Double(seriesCount)
            }
            row = end
        }
        sampleCount += frames.count * seriesCount
        return 1
    }

    /// Calls `body` with a lane for each frame and the chunk named. The lanes are valid until it returns.
    private func withLanes(
        _ frames: ArraySlice<Frame>, _ chunks: ArraySlice<Int>, _ lanes: inout [EncodingLane],
        _ body: ([EncodingLane]) -> Void
    ) {
        guard let frame = frames.first, let number = chunks.first else {
            unsafe body(lanes)
            return
        }
        let padded = unsafe paddedGroup[lanes.count]
        let first = Int(frame.layout.starts[number])
        // Safety: the pointers are used only inside the closures.
        _ = unsafe LabelPointers.with(frame.layout.chunks[number], frame.target, padded) { labels in
            unsafe frame.values.withUnsafeBufferPointer { values in
                guard let values = values.baseAddress else { return }
                unsafe lanes.append(
                    EncodingLane(
                        labels: labels, firstSeries: first, values: values,
                        field: TimestampField(frame.timestampMs)))
                unsafe withLanes(frames.dropFirst(), chunks.dropFirst(), &lanes, body)
            }
            return true
        }
    }
}

extension RequestCursor {
    /// Writes the series `rows` of each lane, some rows of one and then the same rows of the next; returns
    /// how many rows of all lanes it wrote before the limit. The series lie in the lanes' chunks, and each
    /// lane has a value for each of them.
    @inline(never)
    mutating func putRows(
        _ lanes: [EncodingLane], _ rows: Range<Int>, _ scratch: RequestScratch
    ) -> Int {
        // A copy on the stack, so that the loop keeps it in registers.
        var cursor = unsafe self
        var first = rows.lowerBound
        unsafe lanes.withUnsafeBufferPointer { lanes in
            all: while first < rows.upperBound {
                let end = min(first + WholeFrames.rowsTogether, rows.upperBound)
                for number in lanes.indices {
                    let lane = unsafe lanes[number]
                    for row in first..<end {
                        let shape = unsafe lane.labels.shape(ofSeries: row &- lane.firstSeries)
                        // Safety: there is a value for each row, as the caller promises.
                        let bits = unsafe lane.values[row].bitPattern
                        guard unsafe cursor.put(lane.labels, shape, bits, lane.field, scratch) else {
                            break all
                        }
                    }
                }
                first = end
            }
        }
        unsafe self = cursor
        return first - rows.lowerBound
    }
}
