internal import MetricModel

/// The chunks and layouts that a segment states. They are read when a frame needs them.
struct StatedLayouts: Sendable {
    private let interner: LayoutInterner
    private var chunkPlaces: [UInt32: (RecordHeader, UInt64)] = [:]
    private var layoutPlaces: [UInt32: (RecordHeader, UInt64)] = [:]
    private var metadataPlaces: [UInt32: (RecordHeader, UInt64)] = [:]
    private var chunks: [UInt32: LayoutChunk] = [:]
    private var layouts: [UInt32: ([UInt32], Layout)] = [:]

    init(_ interner: LayoutInterner) { self.interner = interner }

    /// Records whose places are known.
    var count: Int { chunkPlaces.count + layoutPlaces.count + metadataPlaces.count }

    mutating func note(chunk header: RecordHeader, at place: UInt64) {
        chunkPlaces[header.subject] = (header, place)
    }

    mutating func note(layout header: RecordHeader, at place: UInt64) {
        layoutPlaces[header.subject] = (header, place)
    }

    mutating func note(metadata header: RecordHeader, at place: UInt64) {
        metadataPlaces[header.subject] = (header, place)
    }

    /// A layout and the numbers of its chunks; nil when it, or a chunk of it, is lost.
    mutating func layout(
        _ number: UInt32, in segment: inout SegmentReader?
    ) throws(BufferError) -> ([UInt32], Layout)? {
        if let known = layouts[number] { return known }
        guard let (header, place) = layoutPlaces[number] else { return nil }
        guard let (bytes, range) = try segment?.payload(header, at: place),
            let numbers = StatementCoding.layout(bytes.span.extracting(range)),
            let layout = try layout(of: numbers, in: &segment)
        else {
            // Not looked for again: a place that cannot be read costs its ten minutes once, not for each
            // target that needs it.
            layoutPlaces[number] = nil
            return nil
        }
        layouts[number] = (numbers, layout)
        return (numbers, layout)
    }

    private mutating func layout(
        of numbers: [UInt32], in segment: inout SegmentReader?
    ) throws(BufferError) -> Layout? {
        var list: [LayoutChunk] = []
        list.reserveCapacity(numbers.count)
        var seriesCount = 0
        for number in numbers {
            guard let chunk = try chunk(number, in: &segment) else { return nil }
            seriesCount += chunk.seriesCount
            guard seriesCount <= StatementCoding.maxSeries else { return nil }
            list.append(chunk)
        }
        return Layout(list)
    }

    /// A chunk; nil when it is lost.
    mutating func chunk(
        _ number: UInt32, in segment: inout SegmentReader?
    ) throws(BufferError) -> LayoutChunk? {
        if let known = chunks[number] { return known }
        guard let (header, place) = chunkPlaces[number] else { return nil }
        guard let (bytes, range) = try segment?.payload(header, at: place),
            let chunk = StatementCoding.chunk(bytes.span.extracting(range), flags: header.flags)
        else {
            chunkPlaces[number] = nil
            return nil
        }
        let stated = try metadata(ofChunk: number, chunk.seriesCount, in: &segment)
        // The object that scraping uses, where it does.
        let shared = interner.intern(stated.map { chunk.adding($0) } ?? chunk)
        chunks[number] = shared
        return shared
    }

    /// What is stated of a chunk's families; nil where nothing is, or it is damaged.
    private func metadata(
        ofChunk number: UInt32, _ seriesCount: Int, in segment: inout SegmentReader?
    ) throws(BufferError) -> ChunkMetadata? {
        guard let (header, place) = metadataPlaces[number],
            let (bytes, range) = try segment?.payload(header, at: place)
        else { return nil }
        return MetadataCoding.metadata(
            bytes.span.extracting(range), flags: header.flags, seriesCount: seriesCount)
    }
}
