/// Samples of one job since the directory was made.
struct JobTotal: Sendable, Equatable {
    var appended: UInt64 = 0
    /// Those that the disk did not take.
    var failed: UInt64 = 0

    mutating func append(_ samples: UInt64) { appended = SampleCount.sum(appended, samples) }
    mutating func fail(_ samples: UInt64) { failed = SampleCount.sum(failed, samples) }
}

/// What stands first in each segment, and again after appends failed: the books up to here. With it no
/// segment before need be read.
struct LedgerRecord: Sendable, Equatable {
    /// The newest frame's timestamp so far; `Int64.min` before the first.
    var newestTimestampMs = Int64.min
    /// The segment before and its final length, so that a tail lost by power failure shows; 0 and 0 in the
    /// first.
    var previousSegment: UInt64 = 0
    var previousLength: UInt64 = 0
    var jobs: [String: JobTotal] = [:]

    init() {}

    /// Puts the whole record, with its header and checksums.
    func putRecord(salt: UInt32, into buffer: inout RecordBuffer) {
        let start = buffer.begin(.ledger)
        put(into: &buffer)
        buffer.end(start, salt: salt)
    }

    /// Puts the record's payload.
    func put(into buffer: inout RecordBuffer) {
        buffer.putFixed64(UInt64(bitPattern: newestTimestampMs))
        buffer.putVarint(previousSegment)
        buffer.putVarint(previousLength)
        buffer.putVarint(UInt64(jobs.count))
        for (job, total) in jobs.sorted(by: { $0.key < $1.key }) {
            buffer.putString(job)
            buffer.putVarint(total.appended)
            buffer.putVarint(total.failed)
        }
    }

    init?(_ payload: Span<UInt8>) {
        var offset = 0
        guard let newest = Wire.fixed64(payload, &offset), let previous = Wire.varint(payload, &offset),
            let length = Wire.varint(payload, &offset), let count = Wire.count(payload, &offset, itemBytes: 3)
        else { return nil }
        newestTimestampMs = Int64(bitPattern: newest)
        previousSegment = previous
        previousLength = length
        for _ in 0..<count {
            guard let job = Wire.string(payload, &offset), let appended = Wire.samples(payload, &offset),
                let failed = Wire.samples(payload, &offset)
            else { return nil }
            jobs[job] = JobTotal(appended: appended, failed: failed)
        }
        guard offset == payload.count else { return nil }
    }
}
