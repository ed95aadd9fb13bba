public import Configuration
public import Logging
public import Platform
public import Telemetry

/// Targets from files that another program writes: `file_sd_configs`.
public struct FileProvider: TargetProvider {
    /// How often files are looked at for a change. Costs a stat(2) each, works on every file system, and sees
    /// a rename as well as a rewrite.
    static let pollMs: Int64 = 3_000

    public let name = "file"
    private let configuration: FileSDConfiguration
    private let files: any FileDoor
    private let workers: WorkerPool
    private let clock: any AgentClock
    private let times: TargetFileTimes
    private let logger: Logger
    private let readErrors: Counter
    private let scanDuration: Summary
    private let wrong = ProviderProblems()
    private let broken = ProviderProblems()

    /// `workers` do the reading, which may block. `times` is one for all providers of a registry.
    public init(
        _ configuration: FileSDConfiguration, files: any FileDoor, workers: WorkerPool, clock: any AgentClock,
        registry: MetricRegistry, times: TargetFileTimes? = nil, logger: Logger
    ) {
        self.times = times ?? TargetFileTimes(registry: registry)
        self.configuration = configuration
        self.files = files
        self.workers = workers
        self.clock = clock
        self.logger = logger
        readErrors = registry.counter(
            "prometheus_sd_file_read_errors_total", help: "The number of File-SD read errors.")
        scanDuration = registry.summary(
            "prometheus_sd_file_scan_duration_seconds", help: "The duration of the File-SD scan in seconds.",
            objectives: .upperTail, clock: clock)
    }

    public var problems: [String] { wrong.sentences }
    public var unread: [String] { broken.sentences }

    public func isSame(as other: any TargetProvider) -> Bool {
        (other as? FileProvider)?.configuration == configuration
    }

    public func run(_ report: @Sendable ([TargetGroup]) async -> Void) async {
        var scanner = FileScanner(patterns: configuration.files)
        var last: [TargetGroup]?
        var nextRefreshNs: UInt64 = 0
        // What is not read any more has no time.
        defer { times.change(from: scanner.modificationTimes, to: [:]) }
        while !Task.isCancelled {
            let nowNs = clock.monotonicNs
            let readsAll = nowNs >= nextRefreshNs
            if readsAll { nextRefreshNs = nowNs + UInt64(configuration.refreshIntervalMs) * 1_000_000 }
            let before = scanner
            let files = files
            scanner = await workers.run {
                var scanner = before
                scanner.scan(readsAll: readsAll, files: files)
                return scanner
            }
            // A look that finds nothing changed reads no file; Prometheus reads all of them each time.
            if readsAll || scanner.groups != last {
                scanDuration.observe(Double(clock.monotonicNs &- nowNs) / 1e9)
            }
            tell(scanner, before, readsAll: readsAll)
            if scanner.groups != last {
                last = scanner.groups
                await report(scanner.groups)
            }
            let waitMs = min(Self.pollMs, configuration.refreshIntervalMs)
            do { try await clock.sleep(forMs: waitMs) } catch { return }
        }
    }

    private func tell(_ scanner: FileScanner, _ before: FileScanner, readsAll: Bool) {
        readErrors.add(UInt64(scanner.failures.count))
        // A fault that lasts is said again only when everything was read again.
        for failure in scanner.failures where readsAll || !before.failures.contains(failure) {
            let what: Logger.Message =
                scanner.hasTargets(from: failure.path)
                ? "target file cannot be used; its last good targets stay"
                : "target file cannot be used, and no target of it is known"
            logger.error(
                what,
                metadata: ["file": "\(failure.path)", "err": "\(failure.message)"])
        }
        for path in scanner.recovered {
            logger.info("target file can be used again", metadata: ["file": "\(path)"])
        }
        for path in scanner.absent.subtracting(before.absent).sorted() {
            logger.warning(
                "there is no such target file or folder; its targets are taken once it is there",
                metadata: ["path": "\(path)"])
        }
        var sentences: [String: String] = [:]
        for (path, message) in scanner.faults {
            sentences[path] = ProviderProblems.sentence(path, message)
        }
        broken.replace(with: sentences)
        for path in scanner.absent { sentences[path] = "\(path): there is no such target file or folder" }
        wrong.replace(with: sentences)
        times.change(from: before.modificationTimes, to: scanner.modificationTimes)
    }
}
