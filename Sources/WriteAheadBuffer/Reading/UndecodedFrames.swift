/// Frames that a reader cannot decode as what they build on is damaged: one damage may cost all later frames
/// of a target in the segment, and the log tells of them in one line.
struct UndecodedFrames: Sendable {
    private var first: BufferPosition?
    private var frames = 0
    /// By job.
    private var samples: [String: UInt64] = [:]

    mutating func add(_ place: BufferPosition, job: String, samples count: UInt64) {
        if first == nil { first = place }
        frames += 1
        samples[job] = SampleCount.sum(samples[job] ?? 0, count)
    }

    /// Tells of those that were added since it was called last.
    mutating func tell(_ metrics: BufferMetrics) {
        guard let first else { return }
        metrics.undecoded(frames, from: first, samples)
        self = UndecodedFrames()
    }
}
