/// What a job wants of histograms; the switches stand in `global`, too.
public struct HistogramConfiguration: Sendable, Equatable {
    /// Native histograms are read, and asked for first; where not, a target's classic buckets are.
    public var scrapeNative: Bool
    /// Classic buckets are read even where a native histogram takes their place.
    public var alwaysScrapeClassic: Bool
    /// Classic histograms become native ones of custom buckets.
    public var convertClassicToNHCB: Bool
    /// Buckets of one native histogram; 0 is no limit.
    public var bucketLimit: Int
    /// The least growth from bucket to bucket; 0 asks for nothing.
    public var minBucketFactor: Double

    public init(
        scrapeNative: Bool = false, alwaysScrapeClassic: Bool = false, convertClassicToNHCB: Bool = false,
        bucketLimit: Int = 0, minBucketFactor: Double = 0
    ) {
        self.scrapeNative = scrapeNative
        self.alwaysScrapeClassic = alwaysScrapeClassic
        self.convertClassicToNHCB = convertClassicToNHCB
        self.bucketLimit = bucketLimit
        self.minBucketFactor = minBucketFactor
    }
}
