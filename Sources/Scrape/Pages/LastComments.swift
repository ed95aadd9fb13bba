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
        let text = hasher.hash(body, line.text.lowerBound, line.text.count)
        return take(line.kind, line.name, text, bytes: line.text.count, body, hasher)
    }

    /// The same for what a protobuf message says of a family.
    mutating func take(
        _ kind: FamilyMetadata.Kind, _ family: MetricFamilyHeader, _ body: RawSpan, _ hasher: SegmentHasher
    ) -> Bool {
        guard kind != .type else {
            return take(
                kind, family.name, family.kind.rawValue, bytes: family.kind.word.utf8.count, body, hasher)
        }
        let text = kind == .help ? family.help : family.unit
        return take(
            kind, family.name, hasher.hash(body, text.lowerBound, text.count), bytes: text.count, body,
            hasher)
    }

    private mutating func take(
        _ kind: FamilyMetadata.Kind, _ name: Range<Int>, _ text: UInt64, bytes textBytes: Int,
        _ body: RawSpan, _ hasher: SegmentHasher
    ) -> Bool {
        guard bytes < TemplateBuilder.maxMetadataBytes else { return false }
        let family = hasher.hash(body, name.lowerBound, name.count)
        let key = hasher.combine(family, UInt64(kind.rawValue))
        guard texts.updateValue(text, forKey: key) != text else { return false }
        bytes += 9 + name.count + min(textBytes, PackedMetadata.maxTextBytes)
        return true
    }

    /// The same, now that `chunks` are the page's.
    func of(_ chunks: [TemplateChunk]) -> LastComments {
        var result = self
        result.bytes = chunks.reduce(0) { $0 + $1.metadata.count }
        return result
    }
}
