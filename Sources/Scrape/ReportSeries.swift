import MetricModel

/// The five or eight series that each scrape of a target gives, whatever it exposes itself.
struct ReportSeries: Sendable {
    /// In the order of the chunk's series.
    struct Values: Sendable, Equatable {
        var isUp: Bool
        var durationSeconds: Double
        /// Before metric relabelling.
        var samplesScraped: Int
        var samplesPostMetricRelabeling: Int
        var seriesAdded: Int

        /// For the three series of `extra_scrape_metrics`.
        var timeoutSeconds = 0.0
        var sampleLimit = 0
        /// -1 when the body reached its limit, 0 when there was none.
        var bodySizeBytes = 0

        func column(extra: Bool) -> [Double] {
            let values = [
                isUp ? 1 : 0, durationSeconds, Double(samplesScraped), Double(samplesPostMetricRelabeling),
                Double(seriesAdded),
            ]
            return extra ? values + [timeoutSeconds, Double(sampleLimit), Double(bodySizeBytes)] : values
        }
    }

    static let names = [
        "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
    ]
    /// With `extra_scrape_metrics`, behind the others.
    static let extraNames = ["scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes"]

    let chunk: LayoutChunk
    /// The series' hashes, to know a scraped series of the same labels by.
    let hashes: [UInt64]

    let hasExtra: Bool

    init(schema: TargetSchema, hasher: SegmentHasher, layouts: LayoutInterner, hasExtra: Bool = false) {
        self.hasExtra = hasExtra
        let nameLabel = Array("__name__".utf8)
        var builder = LayoutChunkBuilder()
        var hashes: [UInt64] = []
        for name in Self.names + (hasExtra ? Self.extraNames : []) {
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
