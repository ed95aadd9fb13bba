internal import MetricModel

/// The payload of a record that says what is known of the families of a chunk's series. The record stands
/// behind that of the chunk and has its number; one that is damaged costs the metadata and no frame.
enum MetadataCoding {
    static func put(_ metadata: ChunkMetadata, into buffer: inout RecordBuffer) {
        buffer.putRaw(metadata.comments)
        buffer.putVarint(UInt64(metadata.runs.count))
        var next: UInt32 = 0
        for run in metadata.runs {
            buffer.putVarint(UInt64(run.firstSeries - next))
            next = run.firstSeries
            // 0 stands for no family.
            buffer.putVarint(run.offset == ChunkMetadata.Run.noFamily ? 0 : UInt64(run.offset) + 1)
        }
    }

    static func metadata(_ payload: Span<UInt8>, flags: UInt8 = 0, seriesCount: Int) -> ChunkMetadata? {
        guard flags & RecordHeader.isPacked == 0 else {
            guard let plain = ChunkPacking.plain(payload) else { return nil }
            return metadata(plain.span, seriesCount: seriesCount)
        }
        var offset = 0
        guard let comments = Wire.raw(payload, &offset),
            let count = Wire.count(payload, &offset, itemBytes: 2)
        else { return nil }
        var runs: [ChunkMetadata.Run] = []
        runs.reserveCapacity(count)
        var first: UInt64 = 0
        for _ in 0..<count {
            guard let distance = Wire.varint32(payload, &offset), let place = Wire.varint32(payload, &offset)
            else { return nil }
            first += UInt64(distance)
            guard let series = UInt32(exactly: first) else { return nil }
            runs.append(
                .init(firstSeries: series, offset: place == 0 ? ChunkMetadata.Run.noFamily : place - 1))
        }
        guard offset == payload.count else { return nil }
        return ChunkMetadata(comments: comments, runs: runs, seriesCount: seriesCount)
    }
}
