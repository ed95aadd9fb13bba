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

    /// Warns of jobs that the `limits` of destinations name and that there are none of: one that is misspelt
    /// would have another class than was meant. `destinations` are their blocks, `known` all jobs' names.
    func warnOfUnknownJobs(_ destinations: [YAMLNode], known: [String]) {
        // A file without jobs is a piece of one, or waits for them.
        guard !known.isEmpty else { return }
        let all = Set(known)
        for limits in destinations.compactMap({ $0.entry("limits") }) {
            for key in ["high_priority_jobs", "low_priority_jobs"] {
                for item in limits.entry(key)?.items ?? [] {
                    guard case .scalar(let name, _) = item.content, !all.contains(name) else { continue }
                    let near = Spelling.nearest(name, known).map { "; did you mean \(quoted($0))?" } ?? ""
                    sink.warn(item.mark, "\(key) names a job that is not there: \(quoted(name))\(near)")
                }
            }
        }
    }
}
