internal import MetricModel
internal import WriteAheadBuffer

/// Cuts a claim into batches: first in, first out, split at any sample. One batch mostly; more where a
/// receiver takes small requests only, or where a series is searched for.
///
/// A batch is either sent in full or dropped in full (but for samples whose own timestamp is too old or
/// whose series rules drop, which is decided by frame and configuration alone). So the bytes of a request
/// follow from its ranges in the buffer, and after a crash the requests in flight are made again byte for
/// byte.
struct BatchCollector: Sendable {
    struct Limits: Equatable, Sendable {
        /// Before compression.
        var bytes: Int
        var age: SampleAge
        var sendsHistograms = false
        var sendsExemplars = false
        /// Histograms of custom buckets by remote write 1.0, whose specification has no place for them.
        var sendsCustomBuckets = false
        /// The same by 2.0, which has one.
        var sendsCustomBucketsBySymbols = true
    }

    enum Cut: Sendable {
        case nothing
        case dropped(DroppedBatch)
        case request(PreparedRequest)

        var request: PreparedRequest? { if case .request(let request) = self { request } else { nil } }
    }

    /// Before compression. Snappy makes at most n + n / 6 + 32 of n bytes, so that every body stays below 1
    /// MB, the limit of a request to AMP, however badly it compresses.
    static let maxRequestBytes = 768 * 1_024

    let limits: Limits
    let isSigned: Bool
    /// What the request left out that is to be made again; nil once that is done, and where there is none.
    private var resendOmissions: [BufferOmission]?
    private var resendOrder = SentRequest.FrameOrder.together
    /// The claim was in flight when the agent ended, in whatever form.
    private var mayBeStored = false
    private var slices: [FrameSlice] = []
    private var head = 0
    /// Samples that are not cut yet.
    private(set) var sampleCount = 0

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

    init(limits: Limits, isSigned: Bool) {
        self.limits = limits
        self.isSigned = isSigned
    }

    /// Takes the parts of a claim. With `omissions` it is a request to be made again, which left these out.
    mutating func load(_ claimed: [FrameSlice], asBefore omissions: [BufferOmission]? = nil) {
        precondition(isEmpty, "a claim is cut to its end before the next")
        slices = claimed
        head = 0
        sampleCount = claimed.reduce(0) { $0 + $1.sampleCount }
        resendOmissions = omissions
        resendOrder = .together
        mayBeStored = omissions != nil
    }

    /// The request that is to be made again has its frames in this order.
    mutating func resend(in order: SentRequest.FrameOrder) { resendOrder = order }

    /// The claim was in flight as another message or by other options: it is cut like any other, within the
    /// limits that hold now.
    mutating func cutAnew() { resendOmissions = nil }

    var isEmpty: Bool { head == slices.count }

    /// Whether what is cut next is a request to be made again.
    var isResending: Bool { resendOmissions != nil }

    /// Timestamp of the oldest frame not cut yet.
    var oldestFrameMs: Int64? { isEmpty ? nil : slices[head].frame.timestampMs }

    /// What of the log is not cut yet.
    var covers: [Range<BufferPosition>] { FrameSlice.covers(slices[head...]) }

    /// Takes the next batch off the head: at most `samples` samples, fewer when bytes run out. `bytes` is
    /// the receiver's limit where it has one. The series in `leftOut` are not sent.
    mutating func cut(
        _ message: WriteMessage = .v1, samples: Int, bytes: Int? = nil, search: Search = Search(),
        leftOut: inout LeftOutSeries, agingMs: Int64,
        isUsedUp: (_ job: String) -> Bool = { _ in false }, scratch: RequestScratch
    ) -> Cut {
        if let omissions = resendOmissions {
            resendOmissions = nil
            let cut = cutResend(message, leavingOut: omissions, scratch: scratch)
            if case .nothing = cut {} else { return cut }
        }
        // The budgets change while other slots send. Each job is asked about once, so that the frames of a
        // request are admitted by the same answers wherever they are looked at: the order in which they are
        // written depends on it.
        var known: (job: String, isUsedUp: Bool)?
        var answers: [String: Bool] = [:]
        func isUsedUpNow(_ job: String) -> Bool {
            if let known, known.job == job { return known.isUsedUp }
            let answer = answers[job] ?? isUsedUp(job)
            answers[job] = answer
            known = (job, answer)
            return answer
        }
        if let dropped = cutDropped(agingMs, isUsedUpNow) { return .dropped(dropped) }
        guard !isEmpty else { return .nothing }
        let encodeLimits = encodeLimits(
            message, samples: max(1, samples), bytes: min(limits.bytes, bytes ?? limits.bytes))
        // What was searched for may be gone meanwhile.
        let end = search.end.flatMap { slices[head].start < $0 ? $0 : nil }
        var batch = Batch(scratch, message)
        // A frame that is not to be whole in this request.
        var partial: Int?
        while head < slices.count, !batch.triesAgain,
            dropReason(slices[head], agingMs, isUsedUpNow) == nil
        {
            if partial == nil {
                let whole = wholeFrames(message, room: encodeLimits.samples - scratch.sampleCount) { slice in
                    dropReason(slice, agingMs, isUsedUpNow) == nil
                        && end.map { slice.position(of: slice.to) <= $0 } ?? true
                        && (leftOut.isEmpty || leftOut.runs(of: slice.frame, search.nowNs).isEmpty)
                }
                let fitting = batch.appendWhole(slices[head..<head + whole], encodeLimits)
                head += fitting
                if fitting < whole { partial = head + (fitting == 0 ? 1 : 0) }
                if fitting > 0 { continue }
            }
            let slice = slices[head]
            if let end, slice.start >= end { break }
            var to = end.map { min(slice.to, slice.samples(before: $0)) } ?? slice.to
            if head == partial { to = min(to, slice.to - 1) }
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
                // A batch that was to end here did not end by its bytes.
                batch.isFullByBytes =
                    (batch.lastSample < to || head == partial) && batch.endedByBytes(encodeLimits)
                slices[head] = slice.part(from: batch.lastSample, to: slice.to)
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

    /// How many of the next slices are whole frames that may be written together: the longest row of them
    /// that has at most `room` samples, or 0 where that is a single frame.
    private func wholeFrames(
        _ message: WriteMessage, room: Int, admits: (FrameSlice) -> Bool
    ) -> Int {
        guard message == .v1 else { return 0 }
        var samples = 0
        let count = WholeFrames.count(slices[head...]) { slice in
            guard slice.sampleCount <= room - samples, admits(slice) else { return false }
            samples += slice.sampleCount
            return true
        }
        return count > 1 ? count : 0
    }

    private func firstDue(_ runs: [LeftOutSeries.Run], _ samples: Range<Int>) -> Range<Int>? {
        runs.lazy.filter(\.isDue).map { $0.samples.clamped(to: samples) }.first { !$0.isEmpty }
    }

    /// Puts a request's samples back in front, to be cut smaller.
    mutating func putBack(_ request: PreparedRequest) {
        var whole = request.slices
        // The rest of a frame that was split is joined with its first part again; two parts of a claim that
        // lie apart in their frame stay apart.
        if let last = whole.last, head < slices.count, slices[head].record == last.record,
            slices[head].from == last.to
        {
            whole[whole.count - 1] = last.part(from: last.from, to: slices[head].to)
            sampleCount -= slices[head].sampleCount
            head += 1
        }
        slices.replaceSubrange(..<head, with: whole)
        head = 0
        sampleCount += whole.reduce(0) { $0 + $1.sampleCount }
    }

    /// The request of the whole claim, without regard to the receiver's limit or age; it is dropped where the
    /// options let nothing of it through any more. No request that was sent is larger than `maxRequestBytes`.
    /// Where this one would be, nothing is cut here, and the claim is cut as any other: a cursor may name
    /// more than left as one, or be forged.
    private mutating func cutResend(
        _ message: WriteMessage, leavingOut omissions: [BufferOmission], scratch: RequestScratch
    ) -> Cut {
        let encodeLimits = encodeLimits(message, samples: Int.max, bytes: Self.maxRequestBytes)
        var batch = Batch(scratch, message)
        let first = head
        while head < slices.count {
            let whole =
                resendOrder == .log
                ? 0
                : wholeFrames(message, room: .max) { slice in
                    slice.runs(of: omissions).allSatisfy { $0.samples.isEmpty }
                }
            if whole > 1 {
                let fitting = batch.appendWhole(slices[head..<head + whole], encodeLimits)
                guard fitting == whole else {
                    head = first
                    return .nothing
                }
                head += whole
                continue
            }
            let slice = slices[head]
            batch.append(slice, to: slice.to, encodeLimits, leavingOut: slice.runs(of: omissions))
            guard batch.consumed(slice) else {
                head = first
                return .nothing
            }
            head += 1
        }
        return take(batch, isResend: true)
    }

    private func encodeLimits(_ message: WriteMessage, samples: Int, bytes: Int) -> EncodeLimits {
        EncodeLimits(
            samples: samples, bytes: bytes, ownAgeMs: limits.age.limitMs,
            sendsHistograms: limits.sendsHistograms, sendsExemplars: limits.sendsExemplars,
            sendsCustomBuckets: message == .v1
                ? limits.sendsCustomBuckets : limits.sendsCustomBucketsBySymbols)
    }

    private mutating func cutDropped(_ agingMs: Int64, _ isUsedUp: (String) -> Bool) -> DroppedBatch? {
        var outcome = Outcomes()
        var dropped: [FrameSlice] = []
        var histograms: [String: Int] = [:]
        while head < slices.count, let reason = dropReason(slices[head], agingMs, isUsedUp) {
            let slice = slices[head]
            outcome.drop(slice.sampleCount, of: slice.frame.target.job, reason)
            let rich = slice.frame.histogramCount(in: slice.from..<slice.to)
            if rich > 0 { histograms[reason, default: 0] += rich }
            sampleCount -= slice.sampleCount
            dropped.append(slice)
            head += 1
        }
        compact()
        guard !dropped.isEmpty else { return nil }
        return DroppedBatch(
            slices: dropped, outcome: outcome, droppedHistograms: histograms)
    }

    private func dropReason(
        _ slice: FrameSlice, _ agingMs: Int64, _ isUsedUp: (String) -> Bool
    ) -> String? {
        if isUsedUp(slice.frame.target.job) { return DropReason.dailyBudget }
        return limits.age.isTooOld(slice.frame.timestampMs, agingMs: agingMs) ? DropReason.tooOld : nil
    }

    private mutating func take(_ batch: Batch, isResend: Bool) -> Cut {
        sampleCount -= batch.slices.reduce(0) { $0 + $1.sampleCount }
        compact()
        guard let end = batch.end else { return .nothing }
        guard batch.outcome.delivered > 0 else {
            return .dropped(
                DroppedBatch(
                    slices: batch.slices, outcome: batch.outcome,
                    droppedHistograms: batch.droppedHistograms))
        }
        let body = batch.scratch.compress()
        return .request(
            PreparedRequest(
                message: batch.scratch.message, body: body, uncompressedBytes: batch.scratch.byteCount,
                payloadHash: isSigned ? RequestScratch.hash(body) : "", end: end, outcome: batch.outcome,
                sampleCount: batch.scratch.sampleCount, histogramCount: batch.histograms,
                droppedHistograms: batch.droppedHistograms,
                exemplarCount: batch.exemplars, exemplarsOff: batch.exemplarsOff, oldestMs: batch.oldestMs,
                newestMs: batch.newestMs,
                slices: batch.slices, omissions: batch.omissions, isResend: isResend,
                mayBeStored: mayBeStored,
                triesAgain: batch.triesAgain, isFullByBytes: batch.isFullByBytes))
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
}
