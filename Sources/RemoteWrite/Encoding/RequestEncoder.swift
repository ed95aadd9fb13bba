public import MetricModel

/// The encoder by itself: frames in, the length of a request out. For the benchmark; slots use the same
/// scratch.
public final class RequestEncoder {
    private let scratch = RequestScratch()

    public init() {}

    /// Writes a request of all samples of `frames`, one after the other; `together`, they are frames of one
    /// shape with nothing but plain samples, and are written a few series at a time, as slots do it. Returns
    /// its bytes and how many samples it holds.
    public func encode(_ frames: [Frame], together: Bool = false) -> (byteCount: Int, sampleCount: Int) {
        scratch.begin()
        if together, let first = frames.first {
            _ = scratch.appendInterleaved(frames, seriesCount: first.values.count, limitBytes: .max)
            return (scratch.byteCount, scratch.sampleCount)
        }
        let limits = EncodeLimits(samples: .max, bytes: .max, ownAgeMs: nil)
        for frame in frames { _ = scratch.append(frame, from: 0, to: frame.sampleCount, limits: limits) }
        return (scratch.byteCount, scratch.sampleCount)
    }

    /// Compresses what `encode` wrote, as it is sent.
    public func compress() -> [UInt8] { scratch.compress() }
}
