import Platform

/// What an agent takes of memory and disk while its endpoint is away.
struct OutageWatch {
    /// One look: the share of the outage that was over, and the resident bytes.
    private var looks: [(share: Double, bytes: Double)] = []

    mutating func note(share: Double, residentBytes: Int) { looks.append((share, Double(residentBytes))) }

    /// The mean of the resident bytes between two shares of the outage; nil without a look in between.
    func meanBytes(_ from: Double, _ to: Double) -> Double? {
        let found = looks.filter { (from...to).contains($0.share) }.map(\.bytes)
        return found.isEmpty ? nil : found.reduce(0, +) / Double(found.count)
    }

    /// The most between two shares of the outage.
    func mostBytes(_ from: Double, _ to: Double) -> Double {
        looks.filter { (from...to).contains($0.share) }.map(\.bytes).max() ?? 0
    }

    /// The parts of the outage whose memory is compared: behind a tenth, in the middle, and at the end.
    private static let parts = [(0.1, 0.2), (0.45, 0.55), (0.9, 1.0)]

    /// The difference between the largest and the least mean of the three parts, in % of the least. nil where
    /// the memory was not looked at in one of the parts.
    var driftPercent: Double? {
        let means = Self.parts.compactMap { meanBytes($0.0, $0.1) }
        guard means.count == Self.parts.count, let least = means.min(), let most = means.max(), least > 0
        else { return nil }
        return (most / least - 1) * 100
    }
}

/// What a buffer takes of the disk, as docs/operations.md says it.
struct DiskFormula {
    /// Targets, series of each, and series that are different without the labels of the target.
    let targets: Int
    let series: Int
    let different: Int
    /// Bytes of a different series at the beginning of a segment; `a` of the page.
    let statementBytes: Double

    /// What stands at the beginning of each segment.
    var segmentBytes: Double { statementBytes * Double(different) + 4 * Double(targets * series) }

    /// For so many samples of so many bytes, and so many segments begun.
    func bytes(samples: Double, sampleBytes: Double, segments: Double) -> Double {
        sampleBytes * samples + segments * segmentBytes
    }

    /// Bytes of all files in a directory now; what is removed meanwhile has none.
    static func bytes(of directory: String) throws(FileError) -> Double {
        let files = POSIXFiles()
        var bytes: UInt64 = 0
        for name in try files.list(directory) {
            bytes += try files.status("\(directory)/\(name)")?.length ?? 0
        }
        return Double(bytes)
    }
}
