import WriteAheadBuffer

/// Some samples of one frame, as the buffer counts them.
struct Part: Hashable, Sendable {
    let frame: Int
    let samples: Range<Int>
}

/// A request that was noted before it left.
struct Noted: Sendable {
    let request: SentRequest
    let parts: [Part]
    let samples: SampleSet
}

/// What the calls that have returned have promised.
struct Known: Sendable {
    struct Destination: Sendable {
        var answered = SampleSet()
        /// Appended before it began: it never gets them.
        var excluded = SampleSet()
        /// Requests in flight, by number.
        var noted: [UInt64: Noted] = [:]
        /// All requests so far. No number is used twice.
        var everNoted: [UInt64: Noted] = [:]
        /// Handed out and not answered for when retention took their segment.
        var inHandGone = SampleSet()
    }

    var appended = SampleSet()
    /// Of these, samples of segments that have no file, those among them that went from memory: they go with
    /// the process, and no start knows of them.
    var unwritten = SampleSet()
    /// Samples that the disk did not take, by job.
    var failed: [String: UInt64] = [:]
    /// Samples of segments that retention has removed.
    var gone = SampleSet()
    var destinations: [String: Destination] = [:]

    /// What the next start must have in its books.
    var written: SampleSet { appended.subtracting(unwritten) }
}

struct Facts: Sendable {
    var now = Known()
    /// What a power loss does not take either: what was known when the last good sync began.
    var durable = Known()
}

/// One run of a workload with all that an examination of its crash points needs.
struct Recording: Sendable {
    struct Moment: Sendable {
        /// The operation that begins here.
        let what: String
        let before: Facts
    }

    let seed: UInt64
    let script: String
    let calls: [DoorCall]
    /// The number of the call before which each moment is. As many as `moments`.
    let marks: [Int]
    let moments: [Moment]
    let book: FrameBook
    /// Frames of the book that no run has appended: for those who go on after a crash.
    let extras: [Int]
    let endMs: Int64
    /// What was wrong without any crash.
    let complaints: [String]

    /// The moment whose operation a crash before this call interrupts, or which it comes right before.
    func moment(ofCall number: Int) -> Int {
        var (low, high) = (0, marks.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if marks[middle] <= number { low = middle } else { high = middle }
        }
        return low
    }

    /// What must be there after a crash in this moment, what was known before it, and what may be there.
    func bounds(inMoment index: Int, isPower: Bool) -> Examination.Bounds {
        let before = moments[index].before
        let after = moments[min(index + 1, moments.count - 1)].before
        return Examination.Bounds(
            lower: isPower ? before.durable : before.now, before: before.now, upper: after.now)
    }
}
