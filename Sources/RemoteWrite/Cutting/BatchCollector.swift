internal import MetricModel
internal import WriteAheadBuffer

/// Cuts the frames of one lane into batches: first in, first out, split at any sample.
///
/// A batch is either sent in full or dropped in full (but for samples whose own timestamp is too old or
/// whose series rules drop, which is decided by frame and configuration alone): so the range of a request in
/// the buffer says its bytes, and after a crash the request in flight is made again byte for byte from where
/// it ended.
struct BatchCollector: Sendable {
    struct Limits: Equatable, Sendable {
        /// Before compression.
        var bytes: Int
        var age: SampleAge
        var sendsHistograms = false
        var sendsExemplars = false
        var sendsCustomBuckets = false
    }

    enum Cut: Sendable {
        case nothing
        case dropped(DroppedBatch)
        case request(PreparedRequest)
    }

    /// Before compression. Snappy makes at most n + n / 6 + 32 of n bytes, so that every body stays below 1
    /// MB, the limit of a request to AMP, however badly it compresses.
    static let maxRequestBytes = 768 * 1_024

    let limits: Limits
    let isSigned: Bool
    /// Nil without `write_relabel_configs`.
    private let views: WriteRelabelViews?
    /// The end of the request to be made again; nil once that is done.
    private(set) var resendEnd: BufferPosition?
    private let resendOmissions: [BufferOmission]
    /// Series that are not sent for a while.
    private(set) var leftOut = LeftOutSeries()
    private var slices: [FrameSlice] = []
    private var head = 0
    /// Samples read and not cut yet.
    private(set) var sampleCount = 0
    /// How many samples the last request had when a limit of bytes ended it; nil when none did.
    private var samplesWithinBytes: Int?
    /// Timestamp of the newest frame read; `Int64.min` before the first.
    private(set) var newestFrameMs = Int64.min

    /// How a batch is cut while a series is searched for that the receiver refuses.
    struct Search: Sendable {
        /// The batch ends here at the latest.
        var end: BufferPosition?
        /// Takes the requests that it costs to send series by themselves whose time of being left out is
        /// over; false when there are none left. It is asked once a batch, and only where there is such a
        /// series.
        var takeTryingAgain: @Sendable () -> Bool = { false }
        /// What was taken is not needed by this batch.
        var giveBackTryingAgain: @Sendable () -> Void = {}
        var nowNs: UInt64 = 0
    }

    /// `resendOmissions` are what the request to be made again left out.
    init(
        limits: Limits, isSigned: Bool, resendEnd: BufferPosition?, resendOmissions: [BufferOmission] = [],
        views: WriteRelabelViews? = nil
    ) {
        self.resendOmissions = resendOmissions
        self.views = views
        self.limits = limits
        self.isSigned = isSigned
        self.resendEnd = resendEnd
    }

    /// Whether there is enough for a batch of `samples`; a request to be made again is read to its end
    /// first.
    func isFull(samples: Int) -> Bool {
        if let resendEnd { return slices.last.map { $0.next >= resendEnd } ?? false }
        return sampleCount >= min(samples, samplesWithinBytes ?? samples)
    }

    var isEmpty: Bool { head == slices.count }

    /// Timestamp of the oldest frame not cut yet.
    var oldestFrameMs: Int64? { isEmpty ? nil : slices[head].frame.timestampMs }

    /// Reads until there is a batch; false when the lane is caught up first.
    mutating func fill(from lane: BufferLane, samples: Int) throws -> Bool {
        while !isFull(samples: samples) {
            guard let read = try lane.next() else { return false }
            let slice = FrameSlice(read, views: views)
            slices.append(slice)
            sampleCount += slice.sampleCount
            newestFrameMs = max(newestFrameMs, read.frame.timestampMs)
        }
        return true
    }

    /// Takes the next batch off the head: at most `samples` samples, fewer when bytes run out. `bytes` is the
    /// receiver's limit where it has one.
    mutating func cut(
        samples: Int, bytes: Int? = nil, search: Search = Search(), agingMs: Int64, scratch: RequestScratch
    ) -> Cut {
        if let end = resendEnd {
            resendEnd = nil
            if let request = cutResend(upTo: end, scratch: scratch) { return .request(request) }
        }
        leftOut.forgetOld(search.nowNs)
        if let dropped = cutDropped(agingMs: agingMs) { return .dropped(dropped) }
        guard !isEmpty else { return .nothing }
        let encodeLimits = encodeLimits(
            samples: max(1, samples), bytes: min(limits.bytes, bytes ?? limits.bytes))
        // What was searched for may be gone meanwhile.
        let end = search.end.flatMap { slices[head].start < $0 ? $0 : nil }
        var batch = Batch(scratch)
        samplesWithinBytes = nil
        while head < slices.count, !isTooOld(slices[head], agingMs: agingMs), !batch.triesAgain {
            let slice = slices[head]
            if let end, slice.start >= end { break }
            var to = end.map { min(slice.to, slice.samples(before: $0)) } ?? slice.to
            var runs = leftOut.isEmpty ? [] : leftOut.runs(of: slice.frame, search.nowNs)
            if let due = firstDue(runs, slice.from..<to), batch.mayTryAgain(search) {
                if batch.slices.isEmpty, due.lowerBound == slice.from {
                    batch.triesAgain = true
                    runs = []
                    to = due.upperBound
                } else {
                    to = due.lowerBound
                }
            }
            batch.append(slice, to: to, encodeLimits, leavingOut: runs)
            guard batch.consumed(slice) else {
                slices[head] = slice.part(from: batch.lastSample, to: slice.to)
                if batch.lastSample < to, scratch.sampleCount < encodeLimits.samples {
                    samplesWithinBytes = scratch.sampleCount
                }
                break
            }
            head += 1
        }
        let cut = take(batch, isResend: false)
        if batch.grantedTryingAgain == true {
            if case .request(let request) = cut, request.triesAgain { return cut }
            search.giveBackTryingAgain()
        }
        return cut
    }

    private func firstDue(_ runs: [LeftOutSeries.Run], _ samples: Range<Int>) -> Range<Int>? {
        runs.lazy.filter(\.isDue).map { $0.samples.clamped(to: samples) }.first { !$0.isEmpty }
    }

    /// The series of a request that was refused are left out until `untilNs`.
    mutating func leaveOut(_ request: PreparedRequest, reason: String, untilNs: UInt64, nowNs: UInt64) {
        leftOut.forgetOld(nowNs)
        for part in request.parts {
            leftOut.leaveOut(
                part.samples, of: part.frame, reason: reason, untilNs: untilNs,
                isFound: request.sampleCount == 1)
        }
    }

    /// The series of a request are no longer left out.
    mutating func forgive(_ request: PreparedRequest) {
        for part in request.parts { leftOut.forgive(part.samples, of: part.frame) }
    }

    /// Puts a request's samples back in front, to be cut smaller.
    mutating func putBack(_ request: PreparedRequest) {
        var whole = request.slices
        // The rest of a frame that was split is joined with its first part again.
        if let last = whole.last, head < slices.count, slices[head].record == last.record {
            whole[whole.count - 1] = last.part(from: last.from, to: slices[head].to)
            sampleCount -= slices[head].sampleCount
            head += 1
        }
        slices.replaceSubrange(..<head, with: whole)
        head = 0
        sampleCount += whole.reduce(0) { $0 + $1.sampleCount }
    }

    /// The request that ends at `end`, without regard to limits or age; nil when nothing before `end` is
    /// left.
    private mutating func cutResend(upTo end: BufferPosition, scratch: RequestScratch) -> PreparedRequest? {
        let encodeLimits = encodeLimits(samples: Int.max, bytes: Int.max)
        var batch = Batch(scratch)
        while head < slices.count, slices[head].start < end {
            let slice = slices[head]
            let to = max(slice.from, min(slice.to, slice.samples(before: end)))
            batch.append(slice, to: to, encodeLimits, leavingOut: slice.runs(of: resendOmissions))
            guard to == slice.to else {
                slices[head] = slice.part(from: to, to: slice.to)
                break
            }
            head += 1
        }
        guard !batch.slices.isEmpty, case .request(let request) = take(batch, isResend: true) else {
            return nil
        }
        return request
    }

    private func encodeLimits(samples: Int, bytes: Int) -> EncodeLimits {
        EncodeLimits(
            samples: samples, bytes: bytes, ownAgeMs: limits.age.limitMs,
            sendsHistograms: limits.sendsHistograms, sendsExemplars: limits.sendsExemplars,
            sendsCustomBuckets: limits.sendsCustomBuckets)
    }

    private mutating func cutDropped(agingMs: Int64) -> DroppedBatch? {
        var outcome = Outcomes()
        var end: BufferPosition?
        while head < slices.count, isTooOld(slices[head], agingMs: agingMs) {
            let slice = slices[head]
            outcome.drop(slice.sampleCount, of: slice.frame.target.job, DropReason.tooOld)
            sampleCount -= slice.sampleCount
            end = slice.next
            head += 1
        }
        compact()
        return end.map { DroppedBatch(end: $0, outcome: outcome) }
    }

    private func isTooOld(_ slice: FrameSlice, agingMs: Int64) -> Bool {
        limits.age.isTooOld(slice.frame.timestampMs, agingMs: agingMs)
    }

    private mutating func take(_ batch: Batch, isResend: Bool) -> Cut {
        sampleCount -= batch.slices.reduce(0) { $0 + $1.sampleCount }
        compact()
        guard let end = batch.end else { return .nothing }
        guard batch.outcome.delivered > 0 else {
            return .dropped(DroppedBatch(end: end, outcome: batch.outcome, omissions: batch.omissions))
        }
        let body = batch.scratch.compress()
        return .request(
            PreparedRequest(
                body: body, uncompressedBytes: batch.scratch.byteCount,
                payloadHash: isSigned ? RequestScratch.hash(body) : "", end: end, outcome: batch.outcome,
                sampleCount: batch.scratch.sampleCount, histogramCount: batch.histograms,
                exemplarCount: batch.exemplars, exemplarsOff: batch.exemplarsOff, oldestMs: batch.oldestMs,
                newestMs: batch.newestMs,
                slices: batch.slices, omissions: batch.omissions, isResend: isResend,
                triesAgain: batch.triesAgain))
    }

    private mutating func compact() {
        if head == slices.count {
            slices.removeAll(keepingCapacity: slices.capacity <= 256)
            head = 0
        } else if head >= 64, head * 2 >= slices.count {
            slices.removeFirst(head)
            head = 0
        }
    }

    /// A batch while it is encoded.
    private struct Batch {
        let scratch: RequestScratch
        var slices: [FrameSlice] = []
        var outcome = Outcomes()
        var end: BufferPosition?
        var lastSample = 0
        var oldestMs = Int64.max
        var newestMs = Int64.min
        var histograms = 0
        var exemplars = 0
        var exemplarsOff = 0
        var omissions: [BufferOmission] = []
        var triesAgain = false
        /// Whether there were requests left to try series again; nil when none was due so far.
        var grantedTryingAgain: Bool?

        init(_ scratch: RequestScratch) {
            self.scratch = scratch
            scratch.begin()
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
            lastSample = samples.upperBound
        }

        private mutating func encode(_ slice: FrameSlice, to: Int, _ limits: EncodeLimits) {
            guard lastSample < to else { return }
            let encoding = scratch.append(
                slice.frame, drops: slice.drops, from: lastSample, to: to, limits: limits)
            lastSample += encoding.consumed
            let job = slice.frame.target.job
            outcome.deliver(encoding.written, of: job)
            outcome.drop(encoding.tooOld, of: job, DropReason.tooOld)
            outcome.drop(encoding.unwanted, of: job, DropReason.writeRelabel)
            outcome.drop(encoding.histogramsOff, of: job, DropReason.histogramsOff)
            outcome.drop(encoding.customBuckets, of: job, DropReason.customBuckets)
            histograms += encoding.histograms
            exemplars += encoding.exemplars
            exemplarsOff += encoding.exemplarsOff
            oldestMs = min(oldestMs, encoding.oldestMs)
            newestMs = max(newestMs, encoding.newestMs)
        }

        func consumed(_ slice: FrameSlice) -> Bool { lastSample == slice.to }
    }
}
