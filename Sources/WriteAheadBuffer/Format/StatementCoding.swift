internal import MetricModel

/// The payloads of the records that a segment states once: targets, chunks, layouts.
enum StatementCoding {
    /// No layout has more series: the bound on what a damaged file can make a reader allocate.
    static let maxSeries = 1 << 24
    /// No chunk has more pieces: another bound of this kind. The scrape makes chunks of 512 lines or one
    /// histogram, and a series has no more pieces than labels.
    static let maxPieces = 1 << 22

    // MARK: targets

    static func put(_ target: Target, into buffer: inout RecordBuffer) {
        buffer.putFixed64(target.id)
        buffer.putString(target.job)
        buffer.putVarint(UInt64(target.labels.count))
        for (label, external) in zip(target.labels.labels, target.isExternal) {
            buffer.putByte(external ? 1 : 0)
            buffer.putString(label.name)
            buffer.putString(label.value)
        }
    }

    static func target(_ payload: Span<UInt8>) -> Target? {
        var offset = 0
        guard let id = Wire.fixed64(payload, &offset), let job = Wire.string(payload, &offset),
            let count = Wire.count(payload, &offset, itemBytes: 3)
        else { return nil }
        var own: [Label] = []
        var external: [Label] = []
        for _ in 0..<count {
            guard let flag = Wire.byte(payload, &offset), flag <= 1, let name = Wire.string(payload, &offset),
                let value = Wire.string(payload, &offset)
            else { return nil }
            if flag == 1 { external.append(Label(name, value)) } else { own.append(Label(name, value)) }
        }
        let target = Target(job: job, own: LabelSet(own), external: LabelSet(external))
        return offset == payload.count && target.id == id ? target : nil
    }

    // MARK: chunks

    /// Appends the whole record of a chunk, and that of its metadata where it has any. `scratch` is any room.
    static func putRecords(
        of chunk: LayoutChunk, number: UInt32, salt: UInt32, scratch: inout RecordBuffer,
        into buffer: inout RecordBuffer
    ) {
        scratch.removeAll()
        put(chunk, into: &scratch)
        putRecord(.chunk, flags: flags(chunk), number: number, salt: salt, scratch, into: &buffer)
        guard let metadata = chunk.metadata else { return }
        scratch.removeAll()
        MetadataCoding.put(metadata, into: &scratch)
        putRecord(.metadata, flags: 0, number: number, salt: salt, scratch, into: &buffer)
    }

    /// Appends a record with `payload`, packed where that is shorter.
    private static func putRecord(
        _ type: RecordType, flags: UInt8, number: UInt32, salt: UInt32, _ payload: RecordBuffer,
        into buffer: inout RecordBuffer
    ) {
        var start = buffer.begin(type, flags: flags | RecordHeader.isPacked, subject: number)
        if !ChunkPacking.put(payload, into: &buffer) {
            buffer.removeLast(buffer.count - start)
            start = buffer.begin(type, flags: flags, subject: number)
            buffer.putBytes(of: payload)
        }
        buffer.end(start, salt: salt)
    }

    /// The record's flags for a chunk that is not packed.
    static func flags(_ chunk: LayoutChunk) -> UInt8 {
        chunk.histogramSeries.isEmpty ? 0 : RecordHeader.hasHistograms
    }

    static func put(_ chunk: LayoutChunk, into buffer: inout RecordBuffer) {
        let plain = chunk.plain
        buffer.putRaw(plain.bytes)
        buffer.putVarint(UInt64(plain.pieces.count))
        // Room is made once for all these numbers, which takes a third of making it for each byte.
        buffer.fill(room: 3 * RecordBuffer.mostVarint32Bytes * plain.pieces.count) { storage, offset in
            var room = storage.mutableSpan
            var end = offset
            var runStart: UInt32 = 0
            for piece in plain.pieces {
                end = RecordBuffer.put(piece.runEnd - runStart, into: &room, at: end)
                runStart = piece.runEnd
                end = RecordBuffer.put(UInt32(piece.firstTargetLabel), into: &room, at: end)
                end = RecordBuffer.put(UInt32(piece.targetLabelCount), into: &room, at: end)
            }
            return end - offset
        }
        buffer.putVarint(UInt64(chunk.seriesCount))
        buffer.fill(room: RecordBuffer.mostVarint32Bytes * chunk.seriesCount) { storage, offset in
            var room = storage.mutableSpan
            var end = offset
            for series in 0..<chunk.seriesCount {
                let count = plain.pieceOffsets[series + 1] - plain.pieceOffsets[series]
                end = RecordBuffer.put(count, into: &room, at: end)
            }
            return end - offset
        }
        if !chunk.histogramSeries.isEmpty { buffer.putAscending(chunk.histogramSeries) }
    }

    static func chunk(_ payload: Span<UInt8>, flags: UInt8) -> LayoutChunk? {
        readChunk(payload, flags: flags).chunk
    }

    /// A chunk, nil where the payload is none, and how many bytes it took to find out: those of the payload
    /// when it is unpacked, or of the labels written out with their pieces and offsets where that is more.
    static func readChunk(_ payload: Span<UInt8>, flags: UInt8) -> (chunk: LayoutChunk?, plainBytes: Int) {
        guard flags & RecordHeader.isPacked == 0 else {
            guard let plain = ChunkPacking.plain(payload) else { return (nil, payload.count) }
            return readChunk(plain.span, flags: flags & ~RecordHeader.isPacked)
        }
        var plainBytes = 0
        let hasHistograms = flags & RecordHeader.hasHistograms != 0
        let chunk = chunk(unpacked: payload, hasHistograms: hasHistograms, &plainBytes)
        return (chunk, max(plainBytes, payload.count))
    }

    private static func chunk(
        unpacked payload: Span<UInt8>, hasHistograms: Bool, _ plainBytes: inout Int
    ) -> LayoutChunk? {
        var offset = 0
        guard let bytes = Wire.raw(payload, &offset),
            let pieceCount = Wire.count(payload, &offset, itemBytes: 3), pieceCount <= maxPieces
        else { return nil }
        plainBytes = bytes.count + pieceCount * MemoryLayout<LayoutChunk.Piece>.stride
        var pieces: [LayoutChunk.Piece] = []
        pieces.reserveCapacity(pieceCount)
        var runEnd = 0
        for _ in 0..<pieceCount {
            guard let run = Wire.varint32(payload, &offset), let first = Wire.varint32(payload, &offset),
                let count = Wire.varint32(payload, &offset), let first = UInt16(exactly: first),
                let count = UInt16(exactly: count)
            else { return nil }
            runEnd += Int(run)
            guard runEnd <= bytes.count else { return nil }
            pieces.append(.init(runEnd: UInt32(runEnd), firstTargetLabel: first, targetLabelCount: count))
        }
        guard let seriesCount = Wire.count(payload, &offset, itemBytes: 1) else { return nil }
        plainBytes += (seriesCount + 1) * MemoryLayout<UInt32>.stride
        var offsets: [UInt32] = [0]
        offsets.reserveCapacity(seriesCount + 1)
        var total = 0
        for _ in 0..<seriesCount {
            guard let count = Wire.varint32(payload, &offset) else { return nil }
            total += Int(count)
            guard total <= pieceCount else { return nil }
            offsets.append(UInt32(total))
        }
        var histograms: [UInt32] = []
        if hasHistograms {
            guard let listed = Wire.ascending(payload, &offset) else { return nil }
            histograms = listed
        }
        guard offset == payload.count else { return nil }
        return LayoutChunk(
            bytes: bytes, pieces: pieces, pieceOffsets: offsets, histogramSeries: histograms)
    }

    // MARK: layouts

    static func put(layout chunks: [UInt32], into buffer: inout RecordBuffer) {
        buffer.putVarint(UInt64(chunks.count))
        for chunk in chunks { buffer.putVarint(UInt64(chunk)) }
    }

    static func layout(_ payload: Span<UInt8>) -> [UInt32]? {
        var offset = 0
        guard let count = Wire.count(payload, &offset, itemBytes: 1) else { return nil }
        var chunks: [UInt32] = []
        chunks.reserveCapacity(count)
        for _ in 0..<count {
            guard let chunk = Wire.varint32(payload, &offset) else { return nil }
            chunks.append(chunk)
        }
        return offset == payload.count ? chunks : nil
    }
}
