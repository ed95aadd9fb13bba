extension ConfigurationDecoder {
    /// The switches of `global` or of a job, which inherits those it does not set.
    func histogramSwitches(
        _ reader: MappingReader, _ inherited: HistogramConfiguration = HistogramConfiguration()
    ) -> HistogramConfiguration {
        var result = inherited
        result.scrapeNative = reader.bool("scrape_native_histograms") ?? inherited.scrapeNative
        result.alwaysScrapeClassic =
            reader.bool("always_scrape_classic_histograms") ?? inherited.alwaysScrapeClassic
        result.convertClassicToNHCB =
            reader.bool("convert_classic_histograms_to_nhcb") ?? inherited.convertClassicToNHCB
        return result
    }

    /// A job's histogram settings.
    func histograms(_ reader: MappingReader, _ global: GlobalConfiguration) -> HistogramConfiguration {
        var result = histogramSwitches(reader, global.histograms)
        result.bucketLimit = reader.int("native_histogram_bucket_limit", 0...1_000_000) ?? 0
        result.minBucketFactor = reader.number("native_histogram_min_bucket_factor", 0...1e6) ?? 0
        return result
    }
}
