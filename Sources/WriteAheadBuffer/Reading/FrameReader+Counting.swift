/// Counting: what frames hold instead of handing them out, and what is missing.
extension FrameReader {
    /// What a counting reader finds up to its end: samples that can be read, and those that are lost, by
    /// job.
    mutating func countAll() throws(BufferError) -> (samples: [String: UInt64], lost: [String: UInt64]) {
        var (counts, damaged): ([String: UInt64], [String: UInt64]) = ([:], [:])
        while true {
            switch try next() {
            case .counted(let job, let samples, let lost, _):
                counts[job, default: 0] += samples
                damaged.merge(lost, uniquingKeysWith: SampleCount.sum)
            case .lost(let lost, _): damaged.merge(lost, uniquingKeysWith: SampleCount.sum)
            case .frame, .nothing: return (counts, damaged)
            }
        }
    }

    /// Counts a frame of `job`; returns what is missing before it.
    mutating func count(_ prefix: FramePrefix, of job: String) -> [String: UInt64] {
        let missing = met.count(prefix, of: job)
        return missing > 0 ? [job: missing] : [:]
    }

    /// Samples of a segment that it has not met yet, by job, as the books of the following one tell; nil
    /// where it is in another.
    func rest(of info: SegmentInfo, before following: SegmentInfo?) -> [String: UInt64]? {
        guard segment?.info.number == info.number, let following else { return nil }
        var rest: [String: UInt64] = [:]
        for (job, total) in following.before {
            let met = SampleCount.sum(info.before[job]?.appended ?? 0, self.met.jobs[job] ?? 0)
            rest[job] = total.appended - min(total.appended, met)
        }
        return rest
    }

    /// What a segment at its end has lost, by the books that the following one begins with; also what stood
    /// in segments between the two that cannot be read at all. `met`: the samples that were there.
    ///
    /// A segment may be gone while it is read: another sender has answered for the rest of it before a
    /// rewind. Then segments between the two went in the same way, and nothing in them is lost.
    func missing(
        after current: SegmentInfo, _ met: [String: UInt64], at following: SegmentInfo
    ) -> [String: UInt64] {
        if following.previousSegment != current.number, catalog[current.number] == nil { return [:] }
        var lost: [String: UInt64] = [:]
        for (job, total) in following.before {
            let held = total.appended - min(total.appended, current.before[job]?.appended ?? 0)
            let met = met[job] ?? 0
            if held > met { lost[job] = held - met }
        }
        if !lost.isEmpty, following.previousSegment > current.number {
            metrics.passed(missing: following.previousSegment, before: following.number, lost)
        }
        return lost
    }
}
