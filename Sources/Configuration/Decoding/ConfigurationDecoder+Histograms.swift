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
        result.bucketLimit = reader.int("native_histogram_bucket_limit", 0...Int.max) ?? 0
        result.minBucketFactor = reader.number("native_histogram_min_bucket_factor", 0...1e6) ?? 0
        return result
    }
}

extension ConfigurationDecoder {
    /// Says where histograms are asked for that no destination sends, in the place of series that were sent.
    func warnOfUnsentHistograms(
        _ jobs: [(value: ScrapeConfiguration, mark: YAMLMark)], _ writes: [RemoteWriteConfiguration]
    ) {
        guard !writes.isEmpty, !writes.contains(where: \.sendCustomBuckets) else { return }
        let converting = jobs.first {
            $0.value.histograms.convertClassicToNHCB && !$0.value.histograms.alwaysScrapeClassic
        }
        guard let converting else { return }
        sink.warn(
            converting.mark,
            "convert_classic_histograms_to_nhcb makes histograms that no remote_write sends: none has"
                + " send_custom_bucket_histograms, and the classic series go unless"
                + " always_scrape_classic_histograms keeps them")
    }
}
