import MetricModel

/// The comments of the chunk that is being made, as far as they are kept: no more than a bound for a page,
/// and while memory is short those that the target had and what there is room for.
struct ChunkComments {
    private(set) var metadata: PackedMetadata
    /// Bytes of those that are left out because memory is short.
    private(set) var leftOutBytes = 0

    /// What is left out of what is said of a family.
    struct Lack: Equatable {
        /// All of it.
        var isAll = false
        /// So many bytes because memory is short.
        var bytes = 0
    }

    /// Of the family that the next line belongs to.
    private(set) var lack = Lack()
    /// Whether it is known what the chunk begins with: that is found out once, however many lines are passed
    /// over before it has one.
    private var hasBegun = false
    /// What there was with the last line that was added.
    private var kept = (metadata: PackedMetadata.Mark(), leftOutBytes: 0)
    /// Comments were noted for the line that comes next, and some of them are kept.
    private var noted = (any: false, kept: false)
    /// Bytes of comments for that line that count against those that the target had.
    private var countedBytes = 0
    /// Of the page's chunks so far.
    private var bodyBytes = 0
    private let admission: SeriesAdmission?

    init(isOpenMetrics: Bool, _ admission: SeriesAdmission?) {
        metadata = PackedMetadata(isOpenMetrics: isOpenMetrics)
        self.admission = admission
    }

    var byteCount: Int { metadata.bytes.count }
    var isEmpty: Bool { metadata.isEmpty }

    private var hasRoom: Bool { bodyBytes + byteCount < TemplateBuilder.maxMetadataBytes }

    /// Adds the comments in front of a line, or takes in those that were noted for it. Whether there are any.
    mutating func take(_ comments: [FamilyMetadata.Line], _ body: RawSpan) -> Bool {
        defer { noted = (false, false) }
        guard !comments.isEmpty else {
            if noted.any { lack.isAll = !noted.kept }
            return noted.any
        }
        let before = (byteCount: byteCount, leftOutBytes: leftOutBytes)
        for line in comments where hasRoom {
            let mark = metadata.mark
            metadata.append(line, body)
            settle(since: mark)
        }
        lack = Lack(isAll: byteCount == before.byteCount, bytes: leftOutBytes - before.leftOutBytes)
        return true
    }

    /// Keeps what a page without comments says about a metric family with the line that comes next.
    /// `isRepeated`: the chunk before has it as well, since it is about a family that goes on.
    mutating func note(_ kind: FamilyMetadata.Kind, family: [UInt8], text: [UInt8], isRepeated: Bool) {
        noted.any = true
        guard hasRoom else { return }
        let mark = metadata.mark
        metadata.append(kind, family: family, text: text)
        settle(since: mark, isRepeated: isRepeated)
        noted.kept = noted.kept || byteCount > mark.count
    }

    /// Takes comments out again that were added since `mark` and that there is no room for.
    private mutating func settle(since mark: PackedMetadata.Mark, isRepeated: Bool = false) {
        guard let admission, byteCount > mark.count else { return }
        if admission.keepsComment(metadata.bytes, from: mark.count, isRepeated: isRepeated) {
            if !isRepeated { countedBytes += byteCount - mark.count }
            return
        }
        leftOutBytes += byteCount - mark.count
        metadata.cut(to: mark)
    }

    /// The line was added.
    mutating func keep() {
        if byteCount != kept.metadata.count { kept.metadata = metadata.mark }
        kept.leftOutBytes = leftOutBytes
        countedBytes = 0
    }

    /// Forgets the comments in front of a line that is not added.
    mutating func passOver() {
        admission?.takesBack(commentBytes: countedBytes)
        countedBytes = 0
        metadata.cut(to: kept.metadata)
        leftOutBytes = kept.leftOutBytes
        noted = (false, false)
    }

    /// Begins with what the last comments in `chunks`, those before, say of their family. What they lack the
    /// chunk lacks too, and is made anew with them.
    mutating func begin(behind chunks: [TemplateChunk]) {
        guard !hasBegun else { return }
        hasBegun = true
        lack = chunks.last?.lack ?? Lack()
        leftOutBytes = lack.bytes
        kept.leftOutBytes = leftOutBytes
        guard !lack.isAll, hasRoom, let last = chunks.last(where: { !$0.metadata.isEmpty }) else { return }
        // Of several comments of one kind the last holds: a family may have megabytes of them.
        let family = Array(PackedMetadata.lastFamily(last.metadata))
        metadata.begin(with: PackedMetadata.lastWords(family)[...])
        kept.metadata = metadata.mark
    }

    /// Counts a chunk that was known, or with `isBack` one that was given back; no line is in one that is
    /// being made.
    mutating func pass(_ chunk: TemplateChunk, isBack: Bool) {
        bodyBytes += isBack ? -chunk.metadata.count : chunk.metadata.count
        // What a chunk was to begin with all lines of which were passed over.
        _ = finish()
    }

    /// The comments of the chunk that ends here.
    mutating func finish() -> (bytes: [UInt8], leftOutBytes: Int) {
        defer {
            leftOutBytes = 0
            kept = (PackedMetadata.Mark(), 0)
            hasBegun = false
        }
        return (metadata.isEmpty ? [] : metadata.take(), leftOutBytes)
    }

    /// Counts the chunk that has ended, with the bytes that it keeps.
    mutating func ended(bytes: Int) { bodyBytes += bytes }
}
