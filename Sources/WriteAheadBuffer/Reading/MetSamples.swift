internal import Platform

/// Samples of each job that the records of a segment account for so far, in their order: what the books have
/// beyond them is lost.
struct MetSamples: Sendable {
    private(set) var jobs: [String: UInt64] = [:]
    /// Behind the books at the segment's beginning.
    private var behindBooks: UInt64?

    /// Counts a frame of `job`; returns how many are missing before it.
    mutating func count(_ prefix: FramePrefix, of job: String) -> UInt64 {
        let met = jobs[job] ?? 0
        jobs[job] = prefix.jobBefore + UInt64(prefix.sampleCount)
        return prefix.jobBefore > met ? prefix.jobBefore - met : 0
    }

    /// Whether a record of the books is the segment's second record. To be told of each such record.
    mutating func isSecond(at place: UInt64, bytes: UInt64) -> Bool {
        if place == UInt64(FileHeader.sizeBytes) { behindBooks = place + bytes }
        return place == behindBooks
    }

    /// The books that stand second in a segment which stood in memory say which samples of it went before it
    /// was written: every destination has answered for them, so they are not lost. `before`: the first books.
    mutating func pass(_ books: LedgerRecord, before: [String: JobTotal]) {
        for (job, total) in books.jobs {
            let earlier = before[job]?.appended ?? 0
            if total.appended > earlier { jobs[job] = total.appended - earlier }
        }
    }
}
