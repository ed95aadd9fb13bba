/// The limits per second that the configuration sets on what a destination is sent: bytes of request bodies,
/// requests, and samples.
///
/// Each is a bucket that fills at its rate, up to one second's worth. A request takes from it what it has in
/// bytes or samples, even more than there is, and the next one waits until the bucket is no longer overdrawn.
/// So the rate holds over time, and a request larger than a second's worth still leaves.
struct RateLimits: Sendable, Equatable {
    /// One of the three.
    private struct Bucket: Sendable, Equatable {
        let perSecond: Double
        var level: Double
        var filledNs: UInt64?

        init?(_ perSecond: Double?) {
            guard let perSecond, perSecond > 0 else { return nil }
            self.perSecond = perSecond
            level = perSecond
        }

        mutating func fill(_ nowNs: UInt64) {
            defer { filledNs = max(nowNs, filledNs ?? nowNs) }
            guard let filledNs, nowNs > filledNs else { return }
            level = min(perSecond, level + perSecond * Double(nowNs - filledNs) / 1e9)
        }

        /// When it is no longer overdrawn.
        func earliestNs(_ nowNs: UInt64) -> UInt64 {
            guard level < 0 else { return nowNs }
            // An hour bounds what a tiny rate and a large request ask for.
            let seconds = min(3_600, -level / perSecond)
            return nowNs + UInt64((seconds * 1e9).rounded(.up))
        }
    }

    private var bytes: Bucket?
    private var requests: Bucket?
    private var samples: Bucket?

    /// Nil, or 0, for no limit.
    init(bytesPerSecond: Double? = nil, requestsPerSecond: Double? = nil, samplesPerSecond: Double? = nil) {
        bytes = Bucket(bytesPerSecond)
        requests = Bucket(requestsPerSecond)
        samples = Bucket(samplesPerSecond)
    }

    var isEmpty: Bool { bytes == nil && requests == nil && samples == nil }

    /// When the next request may leave.
    mutating func earliestNs(_ nowNs: UInt64) -> UInt64 {
        guard !isEmpty else { return nowNs }
        bytes?.fill(nowNs)
        requests?.fill(nowNs)
        samples?.fill(nowNs)
        return max(
            bytes?.earliestNs(nowNs) ?? nowNs, requests?.earliestNs(nowNs) ?? nowNs,
            samples?.earliestNs(nowNs) ?? nowNs)
    }

    /// A request of so many bytes after compression leaves; every try counts.
    mutating func began(bytes sentBytes: Int, samples sentSamples: Int, _ nowNs: UInt64) {
        guard !isEmpty else { return }
        _ = earliestNs(nowNs)
        bytes?.level -= Double(sentBytes)
        requests?.level -= 1
        samples?.level -= Double(sentSamples)
    }
}
