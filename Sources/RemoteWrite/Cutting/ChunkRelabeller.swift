internal import MetricModel
internal import Relabel

/// Applies rules to the series of a chunk.
struct ChunkRelabeller: Sendable {
    private static let nameLabel = Array("__name__".utf8)

    private let rules: RelabelRules
    /// Escapes names for a receiver that knows the legacy characters only; nil for any other receiver.
    private let names: EscapedNames?

    init(_ rules: RelabelRules, escaping names: EscapedNames? = nil) {
        self.rules = rules
        self.names = names
    }

    /// The chunk as the rules leave it for `target` and all that are like it to them. A series that has no
    /// metric name afterwards is dropped: a receiver would refuse the whole request for it.
    func view(of chunk: LayoutChunk, _ target: Target) -> ChunkView {
        let labels = target.labels.labels.map { (name: Array($0.name.utf8), value: Array($0.value.utf8)) }
        var builder = LayoutChunkBuilder()
        var scratch = LabelScratch()
        var dropped: [UInt32] = []
        var escaped: [UInt32] = []
        var collided: [UInt32] = []
        var keepsTargetLabels = true
        var nextHistogram = 0
        let plain = chunk.plain
        for series in 0..<chunk.seriesCount {
            scratch.removeAll()
            let isRead = gather(series, of: plain, labels, target.isExternal, into: &scratch)
            let ownLabels = Self.targetLabelCount(scratch, target)
            var isKept =
                isRead && rules.apply(to: &scratch) == .kept && scratch.value(of: Self.nameLabel) != nil
            if isKept, let names {
                let name = names.name(of: scratch)
                switch NameEscaper.escape(&scratch) {
                case .unchanged: break
                case .escaped:
                    escaped.append(UInt32(series))
                    names.escaped(name)
                case .collided:
                    collided.append(UInt32(series))
                    names.collided("\(scratch.labelSet())")
                    isKept = false
                }
            }
            if isKept {
                scratch.sort()
                keepsTargetLabels = keepsTargetLabels && Self.targetLabelCount(scratch, target) == ownLabels
                append(scratch, to: &builder)
            } else if collided.last != UInt32(series) {
                dropped.append(UInt32(series))
            }
            let histograms = chunk.histogramSeries
            let isHistogram = nextHistogram < histograms.count && histograms[nextHistogram] == series
            if isHistogram { nextHistogram += 1 }
            builder.endSeries(isHistogram: isHistogram)
        }
        return ChunkView(
            chunk: builder.finish(metadata: chunk.metadata), dropped: dropped, escaped: escaped,
            collided: collided, keepsTargetLabels: keepsTargetLabels)
    }

    /// How many of the labels are the target's own, without external labels.
    private static func targetLabelCount(_ scratch: LabelScratch, _ target: Target) -> Int {
        scratch.labels.count { label in label.origin.map { !target.isExternal[$0] } ?? false }
    }

    /// The series as Prometheus' rules find it: its own labels and the target's in their order, then those of
    /// `external_labels`. False when the bytes are not labels, which only a damaged file can have.
    private func gather(
        _ series: Int, of chunk: LayoutChunk.Plain, _ target: [(name: [UInt8], value: [UInt8])],
        _ isExternal: [Bool], into scratch: inout LabelScratch
    ) -> Bool {
        var offset = chunk.runStart(ofSeries: series)
        var external: [Int] = []
        for piece in chunk.pieces(ofSeries: series) {
            guard addLabels(of: chunk, offset..<Int(piece.runEnd), into: &scratch) else { return false }
            offset = Int(piece.runEnd)
            let first = Int(piece.firstTargetLabel)
            for index in first..<first + Int(piece.targetLabelCount) {
                if isExternal[index] {
                    external.append(index)
                } else {
                    let (name, value) = target[index]
                    scratch.add(name: name.span, value: value.span, origin: index)
                }
            }
        }
        for index in external {
            scratch.set(name: target[index].name, value: target[index].value, origin: index)
        }
        return true
    }

    private func addLabels(
        of chunk: LayoutChunk.Plain, _ range: Range<Int>, into scratch: inout LabelScratch
    ) -> Bool {
        let content = chunk.bytes
        let bytes = content.span
        var offset = range.lowerBound
        while offset < range.upperBound {
            guard let label = Self.field(0x0A, content, at: &offset, end: range.upperBound),
                let name = Self.field(0x0A, content, at: &offset, end: label.upperBound)
            else { return false }
            offset = name.upperBound
            guard let value = Self.field(0x12, content, at: &offset, end: label.upperBound),
                value.upperBound == label.upperBound
            else { return false }
            offset = value.upperBound
            scratch.add(name: bytes.extracting(name), value: bytes.extracting(value))
        }
        return true
    }

    /// The contents of a length-delimited field; `offset` then stands at their start.
    private static func field(
        _ tag: UInt8, _ bytes: [UInt8], at offset: inout Int, end: Int
    ) -> Range<Int>? {
        guard offset < end, bytes[offset] == tag else { return nil }
        offset += 1
        guard let length = ProtobufWire.readVarint(bytes.span, at: &offset), offset <= end,
            length <= UInt64(end - offset)
        else { return nil }
        return offset..<offset + Int(length)
    }

    private func append(_ scratch: LabelScratch, to builder: inout LayoutChunkBuilder) {
        let text = scratch.text
        let bytes = text.span
        for label in scratch.labels {
            if let index = label.origin {
                builder.appendTargetLabel(index)
            } else {
                builder.appendLabel(
                    name: bytes.extracting(label.name), value: bytes.extracting(label.value))
            }
        }
    }
}
