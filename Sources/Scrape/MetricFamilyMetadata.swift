/// What a target says about a metric family: TYPE, HELP and UNIT as Prometheus keeps them, the last word of
/// each.
public struct MetricFamilyMetadata: Sendable, Hashable {
    /// As the comments name it: in OpenMetrics without `_total` and the like.
    public let family: String
    /// `counter`, `gauge`, `histogram`, `gaugehistogram`, `summary`, `info`, `stateset` or `unknown`.
    public var type = "unknown"
    public var help = ""
    public var unit = ""

    init(family: String) { self.family = family }

    /// The families of chunks, in the order in which they are first named.
    static func merged(_ chunks: [TemplateChunk]) -> [MetricFamilyMetadata] {
        merged(chunks.map(\.metadata))
    }

    /// The same of packed comments.
    static func merged(_ packed: [[UInt8]]) -> [MetricFamilyMetadata] {
        var result: [MetricFamilyMetadata] = []
        var places: [String: Int] = [:]
        for bytes in packed {
            for entry in PackedMetadata.entries(bytes) {
                let place = places[entry.family] ?? result.count
                if place == result.count {
                    places[entry.family] = place
                    result.append(MetricFamilyMetadata(family: entry.family))
                }
                switch entry.kind {
                // The text format's word for what has no type.
                case .type: result[place].type = entry.text == "untyped" ? "unknown" : entry.text
                case .help: result[place].help = entry.text
                case .unit: result[place].unit = entry.text
                }
            }
        }
        return result
    }
}
