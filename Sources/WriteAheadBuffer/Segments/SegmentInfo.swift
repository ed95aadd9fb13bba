/// One segment as everybody may see it.
struct SegmentInfo: Sendable, Equatable {
    let number: UInt64
    /// Empty for a segment in memory.
    var path: String
    var salt: UInt32
    /// Bytes that are written in full: readers look no further.
    var length: UInt64
    var isActive: Bool
    /// How often its file was written anew: whoever has an older one open opens it again.
    var renewals = 0
    /// A sync of its file failed: until it is written anew, the file may lack what memory still has.
    var isInDoubt = false
    /// Not before that of any frame in it; when it was begun, without one.
    var newestTimestampMs: Int64
    /// The books at its beginning.
    var before: [String: JobTotal]
    /// The segment before and its final length; 0 when there was none.
    var previousSegment: UInt64 = 0
    var previousLength: UInt64 = 0
    /// The newest timestamp of any frame before it; `Int64.min` where there is none.
    var newestBeforeMs = Int64.min
    /// When the segment was last written to, by `AgentClock.elapsedNs`. For a segment of an earlier run it is
    /// when this run began.
    var lastNs: UInt64 = 0
    /// An earlier run has written it.
    var isOfEarlierRun = false
    /// What its header says: by them a version of Narthex knows whether it can read the segment.
    var version = FileHeader.formatVersion
    var features = FileHeader.isDense
    /// Its frames, where the disk has not taken them: it has no file then.
    var memory: MemorySegment?
    /// Of one that stood in memory and has a file since: frames before this place went before it was written.
    var firstPlace: UInt64 = 0

    /// Its frames say their places: it stood in memory before it had a file.
    var hasPlaces: Bool {
        memory == nil && FileHeader.hasPlaces(.segment, version: version, features: features)
    }
    /// An upper bound of the places in the segment. If its frames state their places, the last place is not
    /// known without reading all of them. Such a segment can be removed once all cursors are in later ones.
    var end: UInt64 { hasPlaces ? UInt64.max : length }

    /// The ledger record it begins with.
    var books: LedgerRecord {
        get {
            var books = LedgerRecord()
            books.newestTimestampMs = newestBeforeMs
            books.previousSegment = previousSegment
            books.previousLength = previousLength
            books.jobs = before
            return books
        }
        set {
            newestBeforeMs = newValue.newestTimestampMs
            previousSegment = newValue.previousSegment
            previousLength = newValue.previousLength
            before = newValue.jobs
        }
    }

    /// How old its newest frame is. What this run has written is as old as the time that has passed since,
    /// the machine's sleep included, whatever the wall clock did. The age of what an earlier run has written
    /// is told by its timestamps alone; it is no less than the age of this run, so that frames a clock that
    /// ran ahead has stamped do not stay for ever.
    func ageMs(agingMs: Int64, nowNs: UInt64) -> Int64 {
        let passedMs = Int64((nowNs - min(nowNs, lastNs)) / 1_000_000)
        guard isOfEarlierRun else { return passedMs }
        let (stampedMs, overflows) = agingMs.subtractingReportingOverflow(newestTimestampMs)
        return overflows ? passedMs : max(passedMs, stampedMs)
    }
}
