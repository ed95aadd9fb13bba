extension ConfigurationDecoder {
    /// The `limits` block of a destination.
    func limits(_ node: YAMLNode) -> DestinationLimits {
        var limits = DestinationLimits()
        guard let reader = MappingReader(node, Schema.limits, sink) else { return limits }
        limits.bytesPerSecond = reader.sizeBytes("bytes_per_second") ?? 0
        limits.requestsPerSecond = reader.number("requests_per_second", 0...1_000_000) ?? 0
        limits.samplesPerSecond = reader.int("samples_per_second", 0...1_000_000_000) ?? 0
        limits.bytesPerDay = reader.sizeBytes("bytes_per_day") ?? 0
        limits.highPriorityJobs = reader.strings("high_priority_jobs", of: "names of jobs").map(\.text)
        let low = reader.strings("low_priority_jobs", of: "names of jobs")
        limits.lowPriorityJobs = low.map(\.text)
        for (job, item) in low where limits.highPriorityJobs.contains(job) {
            sink.report(item, "job \(job) stands in high_priority_jobs and in low_priority_jobs")
        }
        let classes = ["high_priority_jobs", "low_priority_jobs"].filter { reader.isPresent($0) }
        if limits.bytesPerDay == 0, let key = classes.first {
            reader.report(key, "\(key) means something with bytes_per_day only")
        }
        return limits
    }
}
