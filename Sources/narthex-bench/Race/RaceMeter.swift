import Platform
import StandIns

/// Watches one agent from the moment at which it is warm.
struct RaceMeter {
    /// Counters at one moment.
    struct Mark {
        let atNs: UInt64
        let cpuSeconds: Double
        let writtenBytes: UInt64?
        let standInsCPUSeconds: Double
        let counts: EndpointCounts
        let ages: SampleAges
    }

    private let process: RacedProcess
    private let fleet: StandInFleet
    private let probe: PageProbe
    private let clock = SystemClock()
    let first: Mark
    private var lastNs: UInt64
    private var lastCPUSeconds: Double
    private var lastSamples: UInt64
    private(set) var points: [RaceResult.Point] = []
    private var residentSum = 0.0
    private var residentCount = 0.0
    private var residentPeak = 0
    private var slowestAnswerNs: UInt64 = 0

    init(_ process: RacedProcess, _ fleet: StandInFleet, _ probe: PageProbe) async throws {
        self.process = process
        self.fleet = fleet
        self.probe = probe
        first = try await Self.mark(process, fleet, probe)
        lastNs = first.atNs
        lastCPUSeconds = first.cpuSeconds
        lastSamples = first.counts.samples
    }

    /// Looks at the agent: about once a second, as each look makes one point of a curve.
    mutating func look() async throws {
        let count = try process.count()
        let askedNs = clock.monotonicNs
        let samples = try await fleet.endpointCounts(probe).samples
        let nowNs = clock.monotonicNs
        try await fleet.awaitExporters(probe)
        slowestAnswerNs = max(slowestAnswerNs, nowNs &- askedNs, clock.monotonicNs &- nowNs)
        let seconds = Double(nowNs &- lastNs) / 1e9
        residentSum += Double(count.residentBytes)
        residentCount += 1
        residentPeak = max(residentPeak, count.residentBytes)
        points.append(
            RaceResult.Point(
                seconds: Double(nowNs &- first.atNs) / 1e9,
                cores: (count.cpuSeconds - lastCPUSeconds) / max(seconds, 1e-3),
                rssMiB: Double(count.residentBytes) / 1_048_576,
                samplesPerSecond: Double(samples &- lastSamples) / max(seconds, 1e-3)))
        (lastNs, lastCPUSeconds, lastSamples) = (nowNs, count.cpuSeconds, samples)
    }

    /// Ends the measured time. `series` is how many the agent has to keep.
    func figures(series: Int) async throws -> [RaceColumn: Double] {
        let last = try await Self.mark(process, fleet, probe)
        let seconds = Double(last.atNs &- first.atNs) / 1e9
        let samples = Double(last.counts.samples &- first.counts.samples)
        guard samples > 0 else { throw BenchError("the endpoint took no sample in the measured time") }
        let cpu = last.cpuSeconds - first.cpuSeconds
        let ages = last.ages.since(first.ages)
        let resident = residentSum / max(1, residentCount)
        var figures: [RaceColumn: Double] = [
            .cpuMicrosecondsPerSample: cpu * 1e6 / samples,
            .cores: cpu / seconds,
            .rssMeanMiB: resident / 1_048_576,
            .rssPeakMiB: Double(residentPeak) / 1_048_576,
            .bytesPerSeries: resident / Double(max(1, series)),
            .wireBytesPerSample: Double(last.counts.receivedBytes &- first.counts.receivedBytes)
                / samples,
            .lag50Seconds: Double(ages.quantile(0.5)) / 1_000,
            .lag99Seconds: Double(ages.quantile(0.99)) / 1_000,
            .lagMostSeconds: Double(ages.quantile(1)) / 1_000,
            .samplesPerSecond: samples / seconds,
            .standInsCores: (last.standInsCPUSeconds - first.standInsCPUSeconds) / seconds,
            .standInsAnswerSeconds: Double(slowestAnswerNs) / 1e9,
        ]
        if let before = first.writtenBytes, let after = last.writtenBytes {
            figures[.diskBytesPerSample] = (Double(after) - Double(before)) / samples
        }
        return figures
    }

    private static func mark(
        _ process: RacedProcess, _ fleet: StandInFleet, _ probe: PageProbe
    ) async throws -> Mark {
        let count = try process.count()
        guard let standInsCPU = fleet.cpuSeconds() else { throw BenchError("the stand-ins have ended") }
        return Mark(
            atNs: SystemClock().monotonicNs, cpuSeconds: count.cpuSeconds, writtenBytes: count.writtenBytes,
            standInsCPUSeconds: standInsCPU, counts: try await fleet.endpointCounts(probe),
            ages: try await fleet.sampleAges(probe))
    }
}
