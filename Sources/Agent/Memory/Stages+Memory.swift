import HTTPTransport
import Logging
import MetricModel
import Platform
import RemoteWrite
import Scrape
import WriteAheadBuffer

/// What the keeper of memory and the report of memory look at and act on.
extension Stages {
    /// Lets the report count, and the keeper look until `Stages.abandon` or the agent's stop. Called once,
    /// when nothing is scraped yet.
    func beginMemory() {
        let (http, figures, files) = (parts.http, parts.figures, parts.files)
        figures.begin { [weak self] in
            MemoryFigures.Counts(
                series: self?.seriesMemory() ?? SeriesMemory(), spareBytes: http.spareBytes,
                connections: http.connectionCount)
        }
        let relax: @Sendable () -> Void = { [weak self] in
            http.relax()
            for destination in self?.destinations ?? [] { destination.writer.relax() }
        }
        parts.keeper.begin(
            MemoryKeeper.Means(
                resident: { figures.resident() },
                jobs: { [weak self] in self?.jobs.map { MemoryKeeper.Job($0.name, $0.pool) } ?? [] },
                bodiesLimitChanged: { http.memoryLimitsChanged() }, relax: relax,
                giveBack: { [weak self] in
                    // What this and closing connections free later goes back the next time.
                    self?.buffer.letGoOfThePast()
                    // A storm's are larger than those that others need, and lie among what is free now.
                    http.emptySpares()
                    for destination in self?.destinations ?? [] { destination.writer.emptySpares() }
                    for job in self?.jobs ?? [] { job.pool.letGoOfThePast() }
                    self?.parts.interner.sweep()
                    // Others come to it with their next work.
                    Heap.askThreadsToRest()
                    Heap.restThisThread()
                    Heap.trim()
                    ProgramPages.release(files: files)
                }),
            clock: parts.clock)
    }

    /// The ceiling by the flag and by what the cgroup allows; says what is wrong with them.
    static func ceiling(
        _ options: AgentOptions, cgroupBytes: UInt64?, logger: Logger
    ) -> MemoryCeiling? {
        let flagBytes = options.memoryLimitBytes
        let ceiling = MemoryCeiling(flagBytes: flagBytes, cgroupBytes: cgroupBytes)
        if let warning = MemoryCeiling.warning(flagBytes: flagBytes, cgroupBytes: cgroupBytes) {
            logger.warning(
                "\(warning)",
                metadata: [
                    "cgroup_bytes": .stringConvertible(cgroupBytes ?? 0),
                    "ceiling_bytes": .stringConvertible(ceiling?.bytes ?? 0),
                ])
        }
        return ceiling
    }

    /// What the series of all jobs take; a look at each chunk of their lines.
    func seriesMemory() -> SeriesMemory {
        SeriesMemory(
            layouts: parts.interner.size, lines: jobs.map(\.pool.lineMemory), valueBytes: buffer.baseBytes,
            requestBytes: destinations.reduce(0) { $0 + $1.writer.keptRequestBytes })
    }

    /// The answer of `/api/v1/narthex/memory`; nil where the kernel does not say what is resident.
    func memory() -> String? { parts.figures.report()?.json }
}

extension MemoryKeeper.Job {
    init(_ name: String, _ pool: ScrapePool) {
        self.init(
            name: name, activeSeries: { pool.size.activeSeries },
            refusedSamples: { pool.memoryShedSamples }, widestLabel: { pool.widestLabel },
            setShedsNewSeries: { pool.shedsNewSeries = $0 },
            setHoldsNewTargets: { pool.holdsNewTargets = $0 })
    }
}
