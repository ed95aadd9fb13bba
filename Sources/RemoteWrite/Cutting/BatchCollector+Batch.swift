internal import MetricModel
internal import WriteAheadBuffer

extension BatchCollector {
    /// A batch while it is encoded.
    struct Batch {
        let scratch: RequestScratch
        var slices: [FrameSlice] = []
        var outcome = Outcomes()
        var end: BufferPosition?
        var lastSample = 0
        var oldestMs = Int64.max
        var newestMs = Int64.min
        var histograms = 0
        var droppedHistograms: [String: Int] = [:]
        var exemplars = 0
        var exemplarsOff = 0
        var omissions: [BufferOmission] = []
        var triesAgain = false
        var isFullByBytes = false
        /// Whether there were requests left to try series again; nil when none was due so far.
        var grantedTryingAgain: Bool?

        init(_ scratch: RequestScratch, _ message: WriteMessage) {
            self.scratch = scratch
            scratch.begin(message)
        }

        mutating func append(
            _ slice: FrameSlice, to: Int, _ limits: EncodeLimits, leavingOut runs: [LeftOutSeries.Run]
        ) {
            lastSample = slice.from
            var isFull = false
            for run in runs where !isFull {
                let samples = run.samples.clamped(to: lastSample..<to)
                guard !samples.isEmpty else { continue }
                encode(slice, to: samples.lowerBound, limits)
                isFull = lastSample < samples.lowerBound
                if !isFull { leaveOut(slice, samples, run.reason) }
            }
            if !isFull { encode(slice, to: to, limits) }
            // A frame without samples is passed over with the batch that reaches it.
            guard lastSample > slice.from || slice.sampleCount == 0 else { return }
            slices.append(slice.part(from: slice.from, to: lastSample))
            end = slice.position(of: lastSample)
        }

        /// Appends as many of these whole frames as fit, in the order that `WholeFrames` gives them. Returns
        /// how many: all of them, fewer, or 0 where fewer than two fit.
        mutating func appendWhole(_ whole: ArraySlice<FrameSlice>, _ limits: EncodeLimits) -> Int {
            var whole = whole
            while whole.count > 1 {
                let share = encodeWhole(whole, limits.bytes)
                if share >= 1 { break }
                // The share counts rows that all frames have had. It is too small where frames have few rows.
                let fitting = max(whole.count / 2, Int(Double(whole.count) * share))
                whole = whole.prefix(min(whole.count - 1, fitting))
            }
            guard whole.count > 1 else { return 0 }
            for slice in whole {
                slices.append(slice)
                outcome.deliver(slice.sampleCount, of: slice.frame.target.job)
                oldestMs = min(oldestMs, slice.frame.timestampMs)
                newestMs = max(newestMs, slice.frame.timestampMs)
                lastSample = slice.to
                end = slice.position(of: slice.to)
            }
            return whole.count
        }

        /// Encodes all of these whole frames, or none. Returns the share that was written before the limit
        /// of bytes: 1 when all were.
        private func encodeWhole(_ whole: ArraySlice<FrameSlice>, _ limitBytes: Int) -> Double {
            let (bytes, samples) = (scratch.written, scratch.sampleCount)
            let all = whole.reduce(0) { $0 + $1.sampleCount }
            for group in WholeFrames.groups(whole) {
                let before = scratch.sampleCount - samples
                let frames = group.map { whole[$0].frame }
                let count = frames[0].values.count
                let share = scratch.appendInterleaved(frames, seriesCount: count, limitBytes: limitBytes)
                guard share >= 1 else {
                    (scratch.written, scratch.sampleCount) = (bytes, samples)
                    return (Double(before) + share * Double(count * group.count)) / Double(max(1, all))
                }
            }
            return 1
        }

        mutating func mayTryAgain(_ search: Search) -> Bool {
            let isGranted = grantedTryingAgain ?? search.takeTryingAgain()
            grantedTryingAgain = isGranted
            return isGranted
        }

        private mutating func leaveOut(_ slice: FrameSlice, _ samples: Range<Int>, _ reason: String) {
            omissions.append(
                BufferOmission(
                    start: BufferPosition(
                        segment: slice.record.segment, offset: slice.record.offset,
                        sample: UInt32(samples.lowerBound)),
                    count: UInt32(samples.count), reason: reason))
            outcome.drop(samples.count, of: slice.frame.target.job, reason)
            dropHistograms(slice.frame.histogramCount(in: samples), reason)
            lastSample = samples.upperBound
        }

        private mutating func dropHistograms(_ count: Int, _ reason: String) {
            if count > 0 { droppedHistograms[reason, default: 0] += count }
        }

        private mutating func encode(_ slice: FrameSlice, to: Int, _ limits: EncodeLimits) {
            guard lastSample < to else { return }
            let encoding = scratch.append(
                slice.frame, drops: slice.drops, from: lastSample, to: to, limits: limits)
            lastSample += encoding.consumed
            let job = slice.frame.target.job
            let collided = slice.drops.collisions(
                in: lastSample - encoding.consumed..<lastSample, of: slice.frame)
            outcome.deliver(encoding.written, of: job)
            outcome.drop(encoding.tooOld, of: job, DropReason.tooOld)
            outcome.drop(collided, of: job, DropReason.nameCollision)
            outcome.drop(encoding.unwanted - collided, of: job, DropReason.writeRelabel)
            outcome.drop(encoding.malformed, of: job, DropReason.malformed)
            outcome.drop(encoding.histogramsOff, of: job, DropReason.histogramsOff)
            outcome.drop(encoding.customBuckets, of: job, DropReason.customBuckets)
            dropHistograms(encoding.tooOldHistograms, DropReason.tooOld)
            dropHistograms(encoding.unwantedHistograms, DropReason.writeRelabel)
            dropHistograms(encoding.histogramsOff, DropReason.histogramsOff)
            dropHistograms(encoding.customBuckets, DropReason.customBuckets)
            histograms += encoding.histograms
            exemplars += encoding.exemplars
            exemplarsOff += encoding.exemplarsOff
            oldestMs = min(oldestMs, encoding.oldestMs)
            newestMs = max(newestMs, encoding.newestMs)
        }

        func consumed(_ slice: FrameSlice) -> Bool { lastSample == slice.to }

        /// Whether it ended although it could have had more samples by their number.
        func endedByBytes(_ limits: EncodeLimits) -> Bool { scratch.sampleCount < limits.samples }
    }
}
