import MetricModel

/// Finds which series of a chunk belong to which metric family, while lines are gathered: those behind its
/// comments, as far as their names say so too.
struct FamilyRuns {
    /// Whether some destination sends metadata with its series.
    let isOn: Bool
    private var runs: [ChunkMetadata.Run] = []
    /// The family that the last comments are about, and where they begin among those of the chunk.
    private var family: MetricMetadata?
    private var offset = ChunkMetadata.Run.noFamily
    /// The offset of the line's family; `noFamily` where its name does not belong to one.
    private var lineOffset = ChunkMetadata.Run.noFamily
    /// Whether the chunk's comments begin with those of a family of the chunk before.
    var isRepeated = false

    init(isOn: Bool) { self.isOn = isOn }

    /// Notes which family the parser's present line belongs to. To be called only where `isOn`. `metadata`:
    /// all comments so far, those right in front of the line included; nil if the comments about the line's
    /// family were left out.
    mutating func follow(_ parser: ExpositionParser, _ body: RawSpan, _ metadata: PackedMetadata?) {
        if let metadata, let first = metadata.lastFamily {
            if !parser.metadata.isEmpty || UInt32(first) != offset || family == nil {
                offset = UInt32(first)
                family = ChunkMetadata.family(metadata.bytes, at: first)
            }
        } else {
            family = nil
        }
        guard let family else {
            lineOffset = ChunkMetadata.Run.noFamily
            return
        }
        var name: [UInt8] = []
        Unescaping.append(body, parser.name, hasEscapes: parser.nameHasEscapes, to: &name)
        let isCovered = family.covers(sampleName: String(decoding: name, as: UTF8.self))
        lineOffset = isCovered ? offset : ChunkMetadata.Run.noFamily
    }

    /// The comments so far are those of no line: what comes next begins the chunk with comments of its own.
    mutating func forget() {
        family = nil
        offset = ChunkMetadata.Run.noFamily
        lineOffset = ChunkMetadata.Run.noFamily
        isRepeated = false
    }

    /// A series of the line, by its ordinal in the chunk.
    mutating func add(_ series: UInt32) {
        guard isOn, (runs.last?.offset ?? ChunkMetadata.Run.noFamily) != lineOffset else { return }
        runs.append(ChunkMetadata.Run(firstSeries: series, offset: lineOffset))
    }

    /// The metadata of the chunk's series; nil where nobody wants to know. Nothing is left behind.
    mutating func take(_ comments: [UInt8], seriesCount: Int) -> ChunkMetadata? {
        guard isOn else { return nil }
        defer {
            runs.removeAll()
            forget()
        }
        return ChunkMetadata(comments: comments, runs: runs.exactCopy, seriesCount: seriesCount)
            ?? ChunkMetadata.none
    }
}
