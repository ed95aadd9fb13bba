/// A figure of one run of one agent.
enum RaceColumn: String, CaseIterable {
    case borneTargets
    case borneSeries
    case cpuMicrosecondsPerSample
    case cores
    case rssMeanMiB
    case rssPeakMiB
    case bytesPerSeries
    case wireBytesPerSample
    case diskBytesPerSample
    case lag50Seconds
    case lag99Seconds
    case lagMostSeconds
    case catchUpSeconds
    case stopSeconds
    case overloadScrapedShare
    case overloadSamplesPerSecond
    case overloadLag99Seconds
    case punctualAfterSeconds
    case lagBackAfterSeconds
    case endRSSMiB
    case samplesPerSecond
    case scrapedShare
    case asSetShare
    case exposed
    case missing
    case leftOut
    case givenUp
    case undecided
    case surplus
    case duplicates
    case outOfOrder
    case refused
    case unsigned
    case badlySigned
    case memoryKills
    case standInsCores
    case standInsAnswerSeconds

    /// As a table names it.
    var title: String {
        switch self {
        case .borneTargets: "targets borne"
        case .borneSeries: "series borne"
        case .cpuMicrosecondsPerSample: "CPU, µs a sample"
        case .cores: "CPU, cores"
        case .rssMeanMiB: "RSS mean, MiB"
        case .rssPeakMiB: "RSS peak, MiB"
        case .bytesPerSeries: "RSS mean, bytes a series"
        case .wireBytesPerSample: "wire, bytes a sample"
        case .diskBytesPerSample: "disk, bytes a sample"
        case .lag50Seconds: "lag of 50 %, s"
        case .lag99Seconds: "lag of 99 %, s"
        case .lagMostSeconds: "lag of all, s"
        case .catchUpSeconds: "caught up after, s"
        case .stopSeconds: "from SIGTERM to the end, s"
        case .overloadScrapedShare: "scrapes served of those due, overloaded"
        case .overloadSamplesPerSecond: "samples a second, overloaded"
        case .overloadLag99Seconds: "lag of 99 %, overloaded, s"
        case .punctualAfterSeconds: "scrapes on time again after, s"
        case .lagBackAfterSeconds: "lag back after, s"
        case .endRSSMiB: "RSS at the end, MiB"
        case .samplesPerSecond: "samples a second"
        case .scrapedShare: "scrapes served, of those due"
        case .asSetShare: "pages in the format and coding set"
        case .exposed: "samples exposed"
        case .missing: "missing"
        case .leftOut: "left out and counted by the agent"
        case .givenUp: "given up by the agent"
        case .undecided: "lost in hand at the kill or removal"
        case .surplus: "never exposed"
        case .duplicates: "duplicate"
        case .outOfOrder: "out of order"
        case .refused: "refused for age, labels or form"
        case .unsigned: "requests unsigned"
        case .badlySigned: "requests badly signed"
        case .memoryKills: "killed for its use of memory"
        case .standInsCores: "CPU of the stand-ins, cores"
        case .standInsAnswerSeconds: "slowest answer of the stand-ins, s"
        }
    }

    /// Whether it says something to divide it by another agent's.
    var hasRatio: Bool {
        switch self {
        case .cpuMicrosecondsPerSample, .rssMeanMiB, .rssPeakMiB, .bytesPerSeries, .wireBytesPerSample,
            .diskBytesPerSample, .borneSeries:
            true
        default: false
        }
    }

    /// Digits behind the point.
    var decimals: Int {
        switch self {
        case .cpuMicrosecondsPerSample, .cores, .standInsCores: 3
        case .scrapedShare, .asSetShare, .overloadScrapedShare, .lag50Seconds, .lag99Seconds, .lagMostSeconds,
            .overloadLag99Seconds, .wireBytesPerSample, .diskBytesPerSample, .standInsAnswerSeconds,
            .stopSeconds:
            2
        case .rssMeanMiB, .rssPeakMiB, .endRSSMiB, .catchUpSeconds, .punctualAfterSeconds,
            .lagBackAfterSeconds:
            1
        default: 0
        }
    }

    /// The figure as text with these decimals, in every locale alike.
    func text(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        return Self.text(value, decimals: decimals)
    }

    static func text(_ value: Double, decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        // More than any figure of a run, and what an Int64 holds.
        let whole = Int64((min(max(value, -1e14), 1e14) * scale).rounded())
        guard decimals > 0 else { return String(whole) }
        let unit = Int64(scale)
        let fraction = String((whole.magnitude % UInt64(unit)))
        return (whole < 0 ? "-" : "") + "\(whole.magnitude / UInt64(unit))."
            + String(repeating: "0", count: decimals - fraction.count) + fraction
    }
}
