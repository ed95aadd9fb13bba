/// What a record holds. Numbers are never given a second meaning.
enum RecordType: UInt8 {
    /// A target's job and labels.
    case target = 1
    /// A layout chunk's content.
    case chunk = 2
    /// A layout: a list of chunks.
    case layout = 3
    /// One scrape.
    case frame = 4
    /// Samples appended and failed so far, by job.
    case ledger = 5
    /// What a target says about the metric families of a chunk's series.
    case metadata = 6
    /// A destination's whole cursor.
    case snapshot = 16
    /// What changed in a destination's cursor.
    case progress = 17
    /// What a segment begins with, in the index of segments.
    case indexed = 24
}
