/// How many samples a claim takes, so that they make one request: `max_samples_per_send` at most, and no
/// more than its bytes allow. What of a claim does not fit into its request is one more request, and a small
/// one, which costs as much as a large one.
struct ClaimSize: Sendable {
    /// `max_samples_per_send`.
    let most: Int
    private var bytesPerSample: Double?
    /// The part taken of the number of samples that would fit by their average size. It is below 1 where
    /// samples differ in size, so that a claim of larger ones fits, too.
    private var share = 1.0
    /// How much of a new measurement counts.
    private static let weight = 0.2
    /// One claim in ten or so is too large then: what it costs to keep requests full.
    private static let shrinks = 0.95
    private static let grows = 0.005
    private static let leastShare = 0.5

    init(most: Int) { self.most = max(1, most) }

    /// Of the next claim; `limitBytes` is what a request may have before compression.
    func samples(limitBytes: Int) -> Int {
        guard let bytesPerSample else { return most }
        let fitting = Double(max(0, limitBytes)) / bytesPerSample * share
        return max(1, fitting < Double(most) ? Int(fitting) : most)
    }

    /// The request was cut of a claim. True where the next claims are to be smaller than before it.
    mutating func cut(_ request: PreparedRequest, limitBytes: Int) -> Bool {
        let before = samples(limitBytes: limitBytes)
        cut(
            samples: request.slices.reduce(0) { $0 + $1.sampleCount }, bytes: request.uncompressedBytes,
            isFull: request.isFullByBytes)
        return samples(limitBytes: limitBytes) < before
    }

    /// A request of so many samples, those among them that were dropped, had so many bytes.
    /// `isFull`: bytes ended it, and left something of the claim.
    mutating func cut(samples: Int, bytes: Int, isFull: Bool) {
        guard samples > 0, bytes > 0 else { return }
        let new = Double(bytes) / Double(samples)
        bytesPerSample = bytesPerSample.map { $0 + Self.weight * (new - $0) } ?? new
        share = isFull ? max(Self.leastShare, share * Self.shrinks) : min(1, share + Self.grows)
    }
}
