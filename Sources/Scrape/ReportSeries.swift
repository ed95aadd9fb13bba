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

    /// Of each name what Prometheus says of it (scrape/scrape.go): the unit and the help text. All are
    /// gauges.
    private static let families: [String: (unit: String, help: String)] = [
        "up": (
            "targets", "Health of the scrape target. 1 means the target is healthy, 0 if the scrape failed."
        ),
        "scrape_duration_seconds": ("seconds", "Duration of the last scrape in seconds."),
        "scrape_samples_scraped": ("samples", "Number of samples last scraped from the target."),
        "scrape_samples_post_metric_relabeling": (
            "samples", "Number of samples remaining after metric relabeling was applied."
        ),
        "scrape_series_added": ("series", "Number of series in the last scrape."),
        "scrape_timeout_seconds": ("seconds", "The configured timeout for a target."),
        "scrape_sample_limit": (
            "samples",
            "The configured sample limit for a target. Returns zero if there is no limit configured."
        ),
        "scrape_body_size_bytes": (
            "bytes",
            "The uncompressed size of the last scrape response, if successful. Scrapes failing because"
                + " body_size_limit is exceeded report -1, other scrape failures report 0."
        ),
    ]

    let chunk: LayoutChunk
    /// The same series with their metadata, for destinations of remote write 2.0.
    let describedChunk: LayoutChunk
    /// The series' hashes, to know a scraped series of the same labels by.
    let hashes: [UInt64]

    let hasExtra: Bool

    init(schema: TargetSchema, hasher: SegmentHasher, layouts: LayoutInterner, hasExtra: Bool = false) {
        self.hasExtra = hasExtra
        let names = Self.names + (hasExtra ? Self.extraNames : [])
        let nameLabel = Array("__name__".utf8)
        func chunk(_ metadata: ChunkMetadata?) -> LayoutChunk {
            var builder = LayoutChunkBuilder()
            for name in names {
                let value = Array(name.utf8)
                let before = schema.names.prefix { $0.lexicographicallyPrecedes(nameLabel) }.count
                for index in 0..<before { builder.appendTargetLabel(index) }
                builder.appendLabel(name: nameLabel.span, value: value.span)
                for index in before..<schema.names.count { builder.appendTargetLabel(index) }
                builder.endSeries()
            }
            return layouts.intern(builder.finish(metadata: metadata))
        }
        self.chunk = chunk(nil)
        describedChunk = chunk(hasExtra ? Self.extraMetadata : Self.metadata)
        hashes = names.map {
            hasher.labelHash(name: nameLabel, value: Array($0.utf8)) &+ schema.allLabelsHash
        }
    }

    /// What is said of `names`, and of these with `extraNames`: the same for every target.
    private static let metadata = metadata(of: names)
    private static let extraMetadata = metadata(of: names + extraNames)

    /// A family a series.
    private static func metadata(of names: [String]) -> ChunkMetadata? {
        var comments: [UInt8] = []
        var runs: [ChunkMetadata.Run] = []
        for (series, name) in names.enumerated() {
            guard let family = families[name] else { continue }
            runs.append(.init(firstSeries: UInt32(series), offset: UInt32(comments.count)))
            let texts = [
                (ChunkMetadata.Subject.type, "gauge"), (.help, family.help), (.unit, family.unit),
            ]
            for (subject, text) in texts {
                ChunkMetadata.append(
                    subject, family: Array(name.utf8), text: Array(text.utf8)[...], to: &comments)
            }
        }
        return ChunkMetadata(comments: comments, runs: runs, seriesCount: names.count)
    }
}
