import Platform

@testable import WriteAheadBuffer

/// Writes what version 2 of the format wrote, to be read by the version there is.
enum VersionTwoFiles {
    /// A cursor's payloads.
    struct Lane {
        var answered: BufferPosition
        var inFlightEnd: BufferPosition?
        var omissions: [BufferOmission] = []
    }

    static func snapshot(
        _ name: String, _ lanes: [Lane], _ jobs: [String: CursorState.Job]
    ) -> [UInt8] {
        var buffer = RecordBuffer()
        buffer.putString(name)
        buffer.putVarint(UInt64(lanes.count))
        for lane in lanes {
            put(lane.answered, into: &buffer)
            buffer.putByte(lane.inFlightEnd == nil ? 0 : lane.omissions.isEmpty ? 1 : 2)
            if let end = lane.inFlightEnd { put(end, into: &buffer) }
            if lane.inFlightEnd != nil, !lane.omissions.isEmpty { put(lane.omissions, into: &buffer) }
        }
        buffer.putVarint(UInt64(jobs.count))
        for (job, books) in jobs.sorted(by: { $0.key < $1.key }) {
            buffer.putString(job)
            buffer.putSigned(books.baseAppended)
            buffer.putSigned(books.baseFailed)
            put(books.outcome, into: &buffer)
        }
        return buffer.bytes
    }

    static func sent(lane: Int, end: BufferPosition, omissions: [BufferOmission] = []) -> [UInt8] {
        var buffer = RecordBuffer()
        buffer.putByte(omissions.isEmpty ? 1 : 3)
        buffer.putVarint(UInt64(lane))
        put(end, into: &buffer)
        if !omissions.isEmpty { put(omissions, into: &buffer) }
        return buffer.bytes
    }

    static func answered(lane: Int, end: BufferPosition, job: String, _ outcome: JobOutcome) -> [UInt8] {
        var buffer = RecordBuffer()
        buffer.putByte(2)
        buffer.putVarint(UInt64(lane))
        put(end, into: &buffer)
        buffer.putVarint(1)
        buffer.putString(job)
        put(outcome, into: &buffer)
        return buffer.bytes
    }

    /// The file of a cursor: a snapshot, then changes.
    static func cursor(_ name: String, snapshot: [UInt8], _ changes: [[UInt8]]) -> [UInt8] {
        let salt: UInt32 = 0x1234_5678
        var buffer = RecordBuffer()
        FileHeader(kind: .cursorLog, salt: salt, number: BufferFileName.hash(name), createdMs: 0)
            .put(into: &buffer)
        for (index, payload) in ([snapshot] + changes).enumerated() {
            let start = buffer.begin(index == 0 ? .snapshot : .progress)
            for byte in payload { buffer.putByte(byte) }
            buffer.end(start, salt: salt)
        }
        return withVersion(2, buffer.bytes)
    }

    /// A file with another version in both copies of its header, and these features.
    static func withVersion(_ version: UInt8, features: UInt8 = 0, _ file: [UInt8]) -> [UInt8] {
        var file = file
        for copy in [0, FileHeader.copyBytes] {
            file[copy + 8] = version
            file[copy + 13] = features
            // Safety: bytes have no padding.
            let crc = unsafe CRC32C.checksum(file.span.bytes.extracting(copy..<copy + 36))
            for index in 0..<4 {
                file[copy + 36 + index] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * index))
            }
        }
        return file
    }

    private static func put(_ position: BufferPosition, into buffer: inout RecordBuffer) {
        buffer.putFixed64(position.segment)
        buffer.putVarint(position.offset)
        buffer.putVarint(UInt64(position.sample))
    }

    private static func put(_ omissions: [BufferOmission], into buffer: inout RecordBuffer) {
        buffer.putVarint(UInt64(omissions.count))
        for omission in omissions {
            put(omission.start, into: &buffer)
            buffer.putVarint(UInt64(omission.count))
            buffer.putString(omission.reason)
        }
    }

    private static func put(_ outcome: JobOutcome, into buffer: inout RecordBuffer) {
        buffer.putVarint(outcome.delivered)
        buffer.putVarint(UInt64(outcome.dropped.count))
        for (reason, count) in outcome.dropped.sorted(by: { $0.key < $1.key }) {
            buffer.putString(reason)
            buffer.putVarint(count)
        }
    }
}
