import ArgumentParser
import Platform
import StandIns

#if canImport(Glibc)
import Glibc
#endif

/// `narthex-bench start`: how long it takes from the start of the program to the first scrape.
struct StartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Measures the time from the start of the agent to its first scrape.",
        discussion: """
            The agent's configuration names every exporter. Where the kernel lets it, the page cache is \
            dropped before each start, so that program, libraries and configuration come from the disk. With \
            --backlog-gib the buffer holds so much that the endpoint has not taken; the endpoint answers \
            503, so that it stays.
            """)

    @Option(help: "Exporters in the configuration.") var targets = 2_000
    @Option(help: "Series of each exporter.") var series = 100
    @Option(help: "Scrape interval in seconds.") var intervalSeconds = 30
    @Option(help: "Starts; the longest counts.") var starts = 5
    @Option(help: "Samples in the buffer that were not sent, in GiB.") var backlogGib = 0.0
    @Option(help: "Milliseconds to the first scrape.") var budgetMs = 300.0
    @Option(help: "Memory in MiB, seven seconds after a start.") var memoryBudget = 64.0
    @Flag(help: "Leave the page cache as it is.") var warm = false
    @Option(help: "The agent's program; by default the narthex beside this one.") var agent: String?
    @Option(help: "The stand-ins' program; by default the narthex-standins beside this one.")
    var standIns: String?

    func validate() throws {
        guard targets > 0, series > 0, intervalSeconds > 0, starts > 0, backlogGib >= 0, backlogGib <= 1_024
        else { throw ValidationError("counts must be more than zero, --backlog-gib 0 to 1024") }
    }

    func run() async throws {
        let folder = try TemporaryFolder(name: "narthex-bench")
        defer { folder.remove() }
        let clock = SystemClock()
        let probe = PageProbe()
        let output = "\(folder.path)/stand-ins.log"
        let process = try ChildProcess(
            [
                standIns ?? AgentSession.beside("narthex-standins"), "--exporters", "\(targets)", "--series",
                "\(series)", "--amp-port", "0",
            ], outputPath: output)
        defer { process.stop(withinSeconds: 10) }
        let places = try await StandInPlaces.read(from: output, clock: clock)
        guard let exporter = places.exporters.first else { throw BenchError("there is no exporter") }
        try StandInFleet.write("\(folder.path)/prometheus.yml", configuration(places))
        var report = BudgetReport()
        if backlogGib > 0 {
            try await probe.post("\(places.amp.origin)/fault", "{\"fault\": \"status\", \"status\": 503}")
            let backlog = try Backlog(
                bytes: UInt64(backlogGib * 1_073_741_824), directory: "\(folder.path)/data",
                destination: "amp")
            report.note("backlog, GiB", Double(backlog.bytes) / 1_073_741_824)
            report.note("backlog, samples", Double(backlog.samples))
        }
        var times: [Double] = []
        var memory: [Double] = []
        var isCold = !warm
        for _ in 0..<starts {
            if isCold { isCold = Self.dropPageCache() }
            let before = try await scrapes(exporter, probe)
            let startNs = clock.monotonicNs
            let agent = try ChildProcess(
                [
                    self.agent ?? AgentSession.beside("narthex"), "run",
                    "--config.file=\(folder.path)/prometheus.yml",
                    "--storage.agent.path=\(folder.path)/data",
                    "--storage.agent.retention.max-size=\(Int(backlogGib) * 3 + 1)GB",
                    "--web.listen-address=127.0.0.1:0",
                ], environment: ["SWIFT_BACKTRACE": "enable=no"], outputPath: "\(folder.path)/agent.log")
            defer { agent.stop(withinSeconds: 30) }
            try await clock.sleep(forMs: 7_000)
            guard let resident = agent.residentBytes() else {
                let log = StandInPlaces.text(of: "\(folder.path)/agent.log") ?? ""
                throw BenchError("the agent has ended: \(log)")
            }
            let after = try await scrapes(exporter, probe)
            let firsts = zip(before, after).compactMap { before, after in
                after.count > before.count ? (before.count == 0 ? after.firstNs : after.lastNs) : nil
            }
            guard let first = firsts.min() else {
                throw BenchError("no target was scraped within seven seconds of the start")
            }
            times.append(Double(first - startNs) / 1e6)
            memory.append(Double(resident.all) / 1_048_576)
        }
        report.note("starts without page cache", isCold ? Double(starts) : 0)
        report.note("milliseconds to the first scrape, least", times.min() ?? 0)
        report.note("milliseconds to the first scrape, median", times.sorted()[times.count / 2])
        report.check("milliseconds to the first scrape, most", times.max() ?? 0, atMost: budgetMs)
        report.check("memory seven seconds later, MiB, most", memory.max() ?? 0, atMost: memoryBudget)
        print(report.text, terminator: "")
        if report.isExceeded { throw ExitCode(1) }
    }

    private func scrapes(_ exporter: StandInPlaces.Exporter, _ probe: PageProbe) async throws -> [ScrapeTimes]
    {
        guard let times = ScrapeTimes.all(in: try await probe.page("http://\(exporter.address)/scrapes"))
        else { throw BenchError("the exporters do not tell when they were scraped") }
        return times
    }

    private func configuration(_ places: StandInPlaces) -> String {
        let groups = places.exporters.enumerated().map { index, exporter in
            """
                  - targets: ['\(exporter.address)']
                    labels: {__metrics_path__: '\(exporter.path)', instance: exporter-\(index)}

            """
        }
        return """
            global:
              scrape_interval: \(intervalSeconds)s
              scrape_timeout: \(min(10, intervalSeconds))s
            remote_write:
              - url: \(places.amp.url)
                name: amp
            scrape_configs:
              - job_name: fleet
                static_configs:

            """ + groups.joined()
    }

    /// Has the kernel forget clean file pages; false where it does not let this process.
    private static func dropPageCache() -> Bool {
        sync()
        do throws(BenchError) {
            try StandInFleet.write("/proc/sys/vm/drop_caches", "3")
            return true
        } catch {
            return false
        }
    }
}
