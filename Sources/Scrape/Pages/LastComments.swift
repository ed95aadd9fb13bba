import MetricModel

/// The last word of HELP, TYPE and UNIT on each metric family that the chunks of a page have taken in, so
/// that what is said again is not kept again.
struct LastComments: Sendable {
    /// For each kind of comment on a family, keyed hashes: of the family's name, and of the text.
    private var texts: [UInt64: UInt64] = [:]
    /// Bytes of the comments that chunks have, as `PackedMetadata` has them.
    private var bytes = 0

    /// Bytes that the hashes take.
    var heldBytes: Int { 16 * texts.count }

    /// Whether a comment says something else than the last one of its kind on its family, and there is room
    /// for it; it is the last one from then on.
    mutating func take(_ line: FamilyMetadata.Line, _ body: RawSpan, _ hasher: SegmentHasher) -> Bool {
        guard bytes < TemplateBuilder.maxMetadataBytes else { return false }
        let family = hasher.hash(body, line.name.lowerBound, line.name.count)
        let key = hasher.combine(family, UInt64(line.kind.rawValue))
        let text = hasher.hash(body, line.text.lowerBound, line.text.count)
        guard texts.updateValue(text, forKey: key) != text else { return false }
        bytes += 9 + line.name.count + min(line.text.count, PackedMetadata.maxTextBytes)
        return true
    }

    /// The same, now that `chunks` are the page's.
    func of(_ chunks: [TemplateChunk]) -> LastComments {
        var result = self
        result.bytes = chunks.reduce(0) { $0 + $1.metadata.count }
        return result
    }
}
