import Platform

/// What a chunk costs that is being made and has lines whose series are left out because memory is short.
/// Such a chunk is no longer the one that equal targets share, so all of its lines are the target's own then:
/// they are paid for, and not only those that are shed.
struct ShedBill {
    /// So many lines of the chunk, from its first on, are paid for.
    private var paidLines = 0
    /// Bytes that are to be taken from the reserve.
    private var reservedBytes = 0
    private var hasLines = false
    /// Lines that are neither paid for nor of the reserve.
    private(set) var unpaidLines = 0

    /// Whether the shed line with this index in its chunk is kept: where there is room for it, or else as one
    /// of those that a page keeps without room.
    mutating func keeps(line: Int, _ admission: SeriesAdmission) -> Bool {
        // Most chunks have more lines than the first that is shed can know of.
        let lines = hasLines ? line + 1 : max(line + 1, TemplateBuilder.minLines)
        let bytes = max(0, lines - paidLines) * SeriesAdmission.lineBytes
        // Once some of them are kept without room all are, as the chunk is of the reserve.
        if reservedBytes > 0 || !admission.draws(bytes) {
            guard admission.takesFreeLine(reserving: reservedBytes + bytes) else { return false }
            reservedBytes += bytes
        }
        paidLines = max(paidLines, lines)
        hasLines = true
        return true
    }

    /// The line with this index is kept without room, as it cannot be left out. Throws where there are too
    /// many such lines.
    mutating func keepsForced(line: Int, _ admission: SeriesAdmission) throws(ScrapeError) {
        let bytes = max(0, line + 1 - paidLines) * SeriesAdmission.lineBytes
        guard try admission.keepsForcedLine(reserving: reservedBytes + bytes) else {
            unpaidLines += 1
            return
        }
        reservedBytes += bytes
        paidLines = max(paidLines, line + 1)
        hasLines = true
    }

    /// The chunk has so many lines: pays for the rest of them, and begins with the next chunk. What stands
    /// for the bytes of the reserve has to live as long as the chunk; nil where there are none.
    mutating func finish(lines: Int, _ admission: SeriesAdmission?) -> MemoryReserve.Part? {
        defer { self = ShedBill() }
        guard hasLines, let admission else { return nil }
        let bytes = max(0, lines - paidLines) * SeriesAdmission.lineBytes
        if reservedBytes > 0 || !admission.draws(bytes) { reservedBytes += bytes }
        return reservedBytes > 0 ? admission.reserve.take(reservedBytes) : nil
    }
}
