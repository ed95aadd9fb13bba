internal import MetricModel

/// The chunks and layouts that a segment states. They are read when a frame needs them.
struct StatedLayouts: Sendable {
    private let interner: LayoutInterner
    private var chunkPlaces: [UInt32: (RecordHeader, UInt64)] = [:]
    private var layoutPlaces: [UInt32: (RecordHeader, UInt64)] = [:]
    private var metadataPlaces: [UInt32: (RecordHeader, UInt64)] = [:]
    private var chunks: [UInt32: LayoutChunk] = [:]
    private var layouts: [UInt32: ([UInt32], Layout)] = [:]
    /// Bytes of all chunks that were read, with their labels written out: the work of reading them.
    private var plainBytes = 0
    /// Bytes in memory of the chunks that nobody else had, as they are kept (`LayoutChunk.heldBytes`).
    private(set) var ownBytes = 0

    private let bound: Bound

    /// How many bytes the chunks of a segment may have with their labels written out.
    struct Bound: Sendable {
        /// So many times the bytes of the segment. Packed chunks mostly take a quarter of what they state,
        /// and a sixtieth where their labels repeat kilobytes. A damaged file could state 255 times its
        /// bytes.
        var times = 64
        /// Or so many bytes, where that is more.
        var leastBytes = 256 << 20

        func bytes(ofSegment length: UInt64) -> Int {
            let (product, isTooMuch) = Int(clamping: length).multipliedReportingOverflow(by: times)
            return isTooMuch ? Int.max : max(leastBytes, product)
        }
    }

    init(_ interner: LayoutInterner, bound: Bound = Bound()) {
        self.interner = interner
        self.bound = bound
    }

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
        guard plainBytes < bound.bytes(ofSegment: segment?.info.length ?? 0),
            let (bytes, range) = try segment?.payload(header, at: place)
        else {
            chunkPlaces[number] = nil
            return nil
        }
        let read = StatementCoding.readChunk(bytes.span.extracting(range), flags: header.flags)
        plainBytes += read.plainBytes
        guard let chunk = read.chunk else {
            chunkPlaces[number] = nil
            return nil
        }
        let stated = try metadata(ofChunk: number, chunk.seriesCount, in: &segment)
        let whole = stated.map { chunk.adding($0) } ?? chunk
        plainBytes += whole.metadata?.heldBytes ?? 0
        // The object that scraping uses, where it does.
        let shared = interner.intern(whole)
        if shared === whole { ownBytes += whole.heldBytes }
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
