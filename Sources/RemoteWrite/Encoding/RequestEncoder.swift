public import MetricModel

/// The encoder by itself: frames in, the length of a request out. For the benchmark; slots use the same
/// scratch.
public final class RequestEncoder {
    /// How the samples of several frames stand in a request.
    public enum Arrangement: Sendable {
        /// One frame after the other, by remote write 1.0.
        case oneByOne
        /// A few series of each of up to so many frames at a time, by remote write 1.0: slots write up to 8
        /// together. The frames are of one shape and have nothing but plain samples.
        case together(frames: Int)
        /// One frame after the other, by remote write 2.0.
        case symbols
    }

    private let scratch = RequestScratch()

    public init() {}

    /// Writes a request of all samples of `frames`. Returns its bytes and how many samples it holds.
    @discardableResult
    public func encode(
        _ frames: [Frame], _ arrangement: Arrangement = .oneByOne
    ) -> (byteCount: Int, sampleCount: Int) {
        switch arrangement {
        case .oneByOne: append(frames, .v1)
        case .symbols: append(frames, .v2)
        case .together(let most):
            scratch.begin()
            var rest = frames[...]
            while let first = rest.first {
                let group = Array(rest.prefix(most))
                _ = scratch.appendInterleaved(group, seriesCount: first.values.count, limitBytes: .max)
                rest = rest.dropFirst(group.count)
            }
        }
        return (scratch.byteCount, scratch.sampleCount)
    }

    private func append(_ frames: [Frame], _ message: WriteMessage) {
        scratch.begin(message)
        let limits = EncodeLimits(samples: .max, bytes: .max, ownAgeMs: nil)
        for frame in frames { _ = scratch.append(frame, from: 0, to: frame.sampleCount, limits: limits) }
    }

    /// Compresses what `encode` wrote, as it is sent.
    public func compress() -> [UInt8] { scratch.compress() }

    /// What `encode` wrote.
    public var bytes: [UInt8] { scratch.bytes }
}
