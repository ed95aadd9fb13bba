import MetricModel

/// The five series that each scrape of a target gives, whatever it exposes itself.
struct ReportSeries: Sendable {
    /// In the order of the chunk's series.
    struct Values: Sendable, Equatable {
        var isUp: Bool
        var durationSeconds: Double
        /// Before metric relabelling.
        var samplesScraped: Int
        var samplesPostMetricRelabeling: Int
        var seriesAdded: Int

        var column: [Double] {
            [
                isUp ? 1 : 0, durationSeconds, Double(samplesScraped), Double(samplesPostMetricRelabeling),
                Double(seriesAdded),
            ]
        }
    }

    static let names = [
        "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
    ]

    let chunk: LayoutChunk
    /// The series' hashes, to know a scraped series of the same labels by.
    let hashes: [UInt64]

    init(schema: TargetSchema, hasher: SegmentHasher, layouts: LayoutInterner) {
        let nameLabel = Array("__name__".utf8)
        var builder = LayoutChunkBuilder()
        var hashes: [UInt64] = []
        for name in Self.names {
            let value = Array(name.utf8)
            let before = schema.names.prefix { $0.lexicographicallyPrecedes(nameLabel) }.count
            for index in 0..<before { builder.appendTargetLabel(index) }
            builder.appendLabel(name: nameLabel.span, value: value.span)
            for index in before..<schema.names.count { builder.appendTargetLabel(index) }
            builder.endSeries()
            hashes.append(hasher.labelHash(name: nameLabel, value: value) &+ schema.allLabelsHash)
        }
        chunk = layouts.intern(builder.finish())
        self.hashes = hashes
    }
}
