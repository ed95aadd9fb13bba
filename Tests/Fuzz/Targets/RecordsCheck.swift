import MetricModel
import Platform

@testable import WriteAheadBuffer

/// What stands in segments, part by part and without a disk. The first byte says which part the rest is taken
/// for. What can be read can be written and read again, and says the same; damage costs the record that it
/// hits.
enum RecordsCheck {
    /// Not that of the seeds: nothing in an input may be a record by itself.
    private static let salt: UInt32 = 0x0DD5_A17E

    private enum Part: UInt8, CaseIterable {
        case junk, damage, header, target, chunk, layout, prefix, column, written, ledger, metadata, packed
    }

    static func run(_ bytes: [UInt8]) {
        guard let first = bytes.first,
            let part = Part(rawValue: first % UInt8(Part.allCases.count))
        else { return }
        let rest = Array(bytes.dropFirst())
        switch part {
        case .junk: junk(rest)
        case .damage: damage(rest)
        case .header: header(rest)
        case .target: target(rest)
        case .chunk: chunk(rest)
        case .layout: layout(rest)
        case .prefix: prefix(rest)
        case .column: ColumnCheck.read(rest)
        case .written: ColumnCheck.write(rest)
        case .ledger: ledger(rest)
        case .metadata: metadata(rest)
        case .packed: packed(rest)
        }
    }

    /// Writes what real segments hold as inputs, record by record.
    static func writeSeeds(to path: String) {
        do {
            var number = 0
            for file in try BufferCheck.written() where BufferFileName.segmentNumber(file.name) != nil {
                for (header, payload) in BufferCheck.records(file.content) {
                    guard let head = head(header) else { continue }
                    try BufferCheck.write(seed: head + payload, to: "\(path)/written-\(number)")
                    number += 1
                }
                try BufferCheck.write(
                    seed: [Part.junk.rawValue] + file.content, to: "\(path)/written-\(number)")
                number += 1
            }
        } catch {
            preconditionFailure("the seeds of records cannot be written: \(error)")
        }
    }

    /// What stands before a record's payload in an input.
    private static func head(_ header: RecordHeader) -> [UInt8]? {
        switch header.type {
        case .target: [Part.target.rawValue]
        case .chunk: [Part.chunk.rawValue, header.flags]
        case .layout: [Part.layout.rawValue]
        case .frame: [Part.prefix.rawValue]
        case .ledger: [Part.ledger.rawValue]
        case .metadata: [Part.metadata.rawValue, header.flags, 3]
        case .snapshot, .progress, .indexed: nil
        }
    }

    // MARK: walks

    /// A walk over anything comes to its end, and each step goes on. Four bytes of salt, then the file.
    private static func junk(_ bytes: [UInt8]) {
        var offset = 0
        guard let salt = Wire.fixed32(bytes.span, &offset) else { return }
        let file = Array(bytes[offset...])
        walk(file, salt: salt, from: 0) { _, _ in }
    }

    private static func walk(
        _ file: [UInt8], salt: UInt32, from start: UInt64, _ intact: (RecordHeader, UInt64) -> Void
    ) {
        let limit = UInt64(file.count)
        let source = OpenFile(descriptor: 3, path: "records")
        var scanner = RecordScanner(
            RecordWindow(source, files: BytesDoor(bytes: file)), salt: salt, offset: start)
        do throws(FileError) {
            while true {
                let before = scanner.offset
                switch try scanner.next(limit: limit) {
                case .end(let place):
                    precondition(place >= limit || before == limit, "a walk ends at the end")
                    return
                case .damage(let place, let end):
                    precondition(place == before && end > place && end <= limit, "damage has a length")
                    precondition(scanner.offset == end, "a walk goes on behind damage")
                case .record(let header, let place):
                    precondition(header.payloadBytes <= RecordHeader.maxPayloadBytes, "no record is longer")
                    precondition(
                        place == before && scanner.offset == place + UInt64(header.recordBytes)
                            && scanner.offset <= limit, "a record lies in the file")
                    guard let range = try scanner.payload(header, at: place, limit: limit) else { continue }
                    precondition(range.count == header.payloadBytes, "a payload is whole")
                    intact(header, place)
                }
            }
        } catch {
            preconditionFailure("memory can be read: \(error)")
        }
    }

    /// Records with good checksums, one bit of which is wrong: all others are found. Two bytes of place, one
    /// of the bit, then records: a byte of type, one of subject, one of length, the payload.
    private static func damage(_ bytes: [UInt8]) {
        guard bytes.count > 4 else { return }
        var file = RecordBuffer()
        var ranges: [Range<Int>] = []
        var rest = bytes.dropFirst(3)
        while rest.count >= 3 {
            let head = Array(rest.prefix(3))
            let payload = rest.dropFirst(3).prefix(Int(head[2]))
            rest = rest.dropFirst(3 + payload.count)
            guard let type = RecordType(rawValue: head[0] % 6 + 1) else { continue }
            let start = file.begin(type, flags: head[0] >> 6, subject: UInt32(head[1]))
            for byte in payload { file.putByte(byte) }
            file.end(start, salt: salt)
            ranges.append(start..<file.count)
        }
        var content = file.bytes
        guard !content.isEmpty else { return }
        let place = (Int(bytes[0]) << 8 | Int(bytes[1])) % content.count
        content[place] ^= 1 << (bytes[2] & 7)
        var found: [Int] = []
        walk(content, salt: salt, from: 0) { header, place in
            precondition(
                ranges.contains(Int(place)..<Int(place) + header.recordBytes), "what is found was written")
            found.append(Int(place))
        }
        let whole = ranges.filter { !$0.contains(place) }.map(\.lowerBound)
        precondition(found == whole, "damage costs the record that it hits")
    }

    // MARK: parts

    /// A header with any fields and a good checksum.
    private static func header(_ bytes: [UInt8]) {
        guard bytes.count >= 28 else { return }
        var copy = RecordBuffer()
        for byte in Array("NARTHEXB".utf8) + bytes.prefix(28) { copy.putByte(byte) }
        // Safety: bytes have no padding.
        copy.putFixed32(unsafe CRC32C.checksum(copy.bytes.span.bytes))
        // The rest may be the second copy, or anything.
        let file = copy.bytes + bytes.dropFirst(28)
        guard let read = FileHeader(file.span) else { return }
        _ = read.reasonNotRead("a file")
        var again = RecordBuffer()
        read.put(into: &again)
        precondition(again.count == FileHeader.sizeBytes, "a header has its length")
        precondition(FileHeader(again.bytes.span) == read, "a header that is written again says the same")
    }

    private static func target(_ bytes: [UInt8]) {
        guard let read = StatementCoding.target(identified(bytes).span) else { return }
        var buffer = RecordBuffer()
        StatementCoding.put(read, into: &buffer)
        let again = StatementCoding.target(buffer.bytes.span)
        precondition(
            again?.id == read.id && again?.job == read.job && again?.labels == read.labels
                && again?.isExternal == read.isExternal, "a target that is written again is the same")
    }

    /// A target's payload with the identity that its labels have: nobody guesses a hash.
    private static func identified(_ bytes: [UInt8]) -> [UInt8] {
        var offset = 8
        guard bytes.count > 8, let job = Wire.string(bytes.span, &offset),
            let count = Wire.count(bytes.span, &offset, itemBytes: 3)
        else { return bytes }
        var (own, external): ([Label], [Label]) = ([], [])
        for _ in 0..<count {
            guard let flag = Wire.byte(bytes.span, &offset), let name = Wire.string(bytes.span, &offset),
                let value = Wire.string(bytes.span, &offset)
            else { return bytes }
            if flag == 1 { external.append(Label(name, value)) } else { own.append(Label(name, value)) }
        }
        var buffer = RecordBuffer()
        buffer.putFixed64(Target(job: job, own: LabelSet(own), external: LabelSet(external)).id)
        return buffer.bytes + bytes.dropFirst(8)
    }

    /// A byte of flags, then the chunk.
    private static func chunk(_ bytes: [UInt8]) {
        guard let flags = bytes.first else { return }
        let payload = Array(bytes.dropFirst())
        let (read, plainBytes) = StatementCoding.readChunk(payload.span, flags: flags & 3)
        precondition(plainBytes >= payload.count || flags & 2 != 0, "reading costs what there is to read")
        guard let read else { return }
        var (scratch, buffer) = (RecordBuffer(), RecordBuffer())
        StatementCoding.putRecords(of: read, number: 7, salt: salt, scratch: &scratch, into: &buffer)
        let file = buffer.bytes
        guard let header = RecordHeader(file.span, at: 0, salt: salt) else {
            preconditionFailure("what was written is a record")
        }
        let range = RecordHeader.sizeBytes..<RecordHeader.sizeBytes + header.payloadBytes
        guard let again = StatementCoding.chunk(file.span.extracting(range), flags: header.flags) else {
            preconditionFailure("a chunk that is written again can be read")
        }
        precondition(again.hasSameContent(as: read), "a chunk that is written again is the same")
    }

    private static func layout(_ bytes: [UInt8]) {
        guard let read = StatementCoding.layout(bytes.span) else { return }
        var buffer = RecordBuffer()
        StatementCoding.put(layout: read, into: &buffer)
        precondition(StatementCoding.layout(buffer.bytes.span) == read, "a layout that is written again")
    }

    private static func prefix(_ bytes: [UInt8]) {
        for hasPlace in [false, true] { prefix(bytes, hasPlace: hasPlace) }
    }

    private static func prefix(_ bytes: [UInt8], hasPlace: Bool) {
        var offset = 0
        guard let read = FramePrefix(bytes.span, &offset, hasPlace: hasPlace) else { return }
        precondition(offset <= bytes.count, "a prefix lies in its record")
        for series in [0, 1, 1_000] { _ = read.fits(series: series) }
        var (first, second) = (RecordBuffer(), RecordBuffer())
        read.put(into: &first)
        var end = 0
        guard let again = FramePrefix(first.bytes.span, &end, hasPlace: hasPlace), end == first.count else {
            preconditionFailure("a prefix that is written again can be read")
        }
        again.put(into: &second)
        precondition(first.bytes == second.bytes, "a prefix that is written again is the same")
    }

    private static func ledger(_ bytes: [UInt8]) {
        guard let read = LedgerRecord(bytes.span) else { return }
        var buffer = RecordBuffer()
        read.put(into: &buffer)
        precondition(LedgerRecord(buffer.bytes.span) == read, "books that are written again are the same")
    }

    /// A byte of flags, one of series, then the metadata.
    private static func metadata(_ bytes: [UInt8]) {
        guard bytes.count >= 2 else { return }
        let (flags, series) = (bytes[0] & 3, Int(bytes[1]))
        let payload = Array(bytes.dropFirst(2))
        guard let read = MetadataCoding.metadata(payload.span, flags: flags, seriesCount: series)
        else { return }
        var buffer = RecordBuffer()
        MetadataCoding.put(read, into: &buffer)
        precondition(
            MetadataCoding.metadata(buffer.bytes.span, seriesCount: series) == read,
            "metadata that is written again is the same")
    }

    /// Packed bytes of any origin, and bytes that are packed.
    private static func packed(_ bytes: [UInt8]) {
        if let plain = ChunkPacking.plain(bytes.span) {
            precondition(plain.count <= ChunkPacking.mostBytes, "what is unpacked is bounded")
        }
        var (source, buffer) = (RecordBuffer(), RecordBuffer())
        for byte in bytes { source.putByte(byte) }
        guard ChunkPacking.put(source, into: &buffer) else { return }
        precondition(buffer.count < bytes.count, "what is packed is shorter")
        precondition(ChunkPacking.plain(buffer.bytes.span) == bytes, "what is packed can be unpacked")
    }
}
