import Configuration
import MetricModel

/// What a job wants of histograms.
struct HistogramOptions: Sendable, Equatable {
    /// Native histograms are read; where not, a target's classic buckets are.
    var scrapesNative = false
    /// Classic buckets are read even where a native histogram takes their place.
    var alwaysScrapesClassic = false
    /// Classic histograms become native ones of custom buckets.
    var convertsClassic = false
    /// 0 is no limit.
    var bucketLimit = 0
    /// The finest resolution kept.
    var maxSchema = NativeHistogram.exponentialSchemas.upperBound

    init() {}

    init(_ configuration: HistogramConfiguration) {
        scrapesNative = configuration.scrapeNative
        alwaysScrapesClassic = configuration.alwaysScrapeClassic
        convertsClassic = configuration.convertClassicToNHCB
        bucketLimit = configuration.bucketLimit
        maxSchema = Self.maxSchema(minBucketFactor: configuration.minBucketFactor)
    }

    /// The coarsest schema whose growth from bucket to bucket is at least `factor`: 2^(2^-schema); anything
    /// up to 1 leaves the finest (prometheus/scrape, pickSchema).
    static func maxSchema(minBucketFactor factor: Double) -> Int32 {
        let all = NativeHistogram.exponentialSchemas
        guard factor > 1 else { return all.upperBound }
        for schema in all.reversed() where growth(schema) >= factor { return schema }
        return all.lowerBound
    }

    private static func growth(_ schema: Int32) -> Double {
        // 2^(2^-schema) by squares and square roots of 2, so that no logarithm is off by one place.
        var growth = 2.0
        for _ in 0..<max(0, schema) { growth = growth.squareRoot() }
        for _ in 0..<max(0, -schema) { growth *= growth }
        return growth
    }
}
