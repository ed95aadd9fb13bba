public import MetricModel

/// What a body says, sample by sample, before any rule of scraping: for tools, and for the comparison with
/// other parsers.
public struct ExpositionReading: Sendable {
    public struct Sample: Sendable {
        public let labels: LabelSet
        public let value: Double
        public let timestampMs: Int64?
        /// Nil, too, for one that holds more than an exemplar may.
        public let exemplar: Exemplar?
    }

    /// In the order of the body.
    public private(set) var samples: [Sample] = []
    public let metadata: [MetricFamilyMetadata]

    /// Reads a body of the text format or of OpenMetrics; throws what is wrong with it.
    public init(_ body: RawSpan, isOpenMetrics: Bool) throws(ScrapeError) {
        let target = Target(job: "", own: LabelSet(), external: LabelSet())
        var parser = ExpositionParser(isOpenMetrics: isOpenMetrics)
        var encoder = SeriesEncoder(
            schema: TargetSchema(target, honorLabels: true, hasher: .process), hasher: .process)
        var comments = PackedMetadata(isOpenMetrics: isOpenMetrics)
        var builder = LayoutChunkBuilder()
        do throws(ScrapeError) {
            while true {
                let isSample = try parser.next(body)
                for line in parser.metadata { comments.append(line, body) }
                guard isSample else { break }
                _ = try encoder.encode(parser, body, lineHash: 0, into: &builder)
                samples.append(
                    Sample(
                        labels: builder.finish().labels(ofSeries: 0, target: target) ?? LabelSet(),
                        value: parser.value, timestampMs: parser.timestampMs,
                        exemplar: parser.exemplar.flatMap { ExemplarHistory.exemplar($0, body) }))
            }
        } catch {
            throw error.located(in: body)
        }
        metadata = MetricFamilyMetadata.merged([comments.take()])
    }
}
