import ArgumentParser
import Platform
import StandIns

#if canImport(Glibc)
import Glibc
#endif

/// `narthex-bench start`: how long it takes from the start of the program until it is ready and scrapes, and
/// what that takes of memory.
struct StartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Measures the time from the start of the agent to its first scrape.",
        discussion: """
            The agent's configuration names every exporter. Where the kernel lets it, the page cache is \
            dropped before each start, so that program, libraries and configuration come from the disk. With \
            --backlog-gib the buffer holds so much that the endpoint has not taken; the endpoint answers \
            503, so that it stays. Before these starts there are as many with an empty buffer, whose memory \
            that of the others is compared with.
            """)

    @Option(help: "Exporters in the configuration.") var targets = 2_000
    @Option(help: "Series of each exporter.") var series = 100
    @Option(help: "Scrape interval in seconds.") var intervalSeconds = 30
    @Option(help: "Starts; the longest counts.") var starts = 5
    @Option(help: "Samples in the buffer that were not sent, in GiB.") var backlogGib = 0.0
    @Option(help: "Milliseconds to the first scrape.") var budgetMs = 300.0
    @Option(help: "Milliseconds until the agent says that it is ready.") var readyBudgetMs = 1_000.0
    @Option(help: "Memory in MiB, seven seconds after a start.") var memoryBudget = 64.0
    @Option(help: "Memory that a start with a backlog may take beyond an empty one, in %.")
    var backlogMemoryBudget = 10.0
    @Flag(help: "Leave the page cache as it is.") var warm = false
    @Option(help: "The agent's program; by default the narthex beside this one.") var agent: String?
    @Option(help: "The stand-ins' program; by default the narthex-standins beside this one.")
    var standIns: String?

    func validate() throws {
        guard targets > 0, series > 0, intervalSeconds > 0, starts > 0, backlogGib >= 0, backlogGib <= 1_024
        else { throw ValidationError("counts must be more than zero, --backlog-gib 0 to 1024") }
    }

    /// What the starts of one kind came to.
    private struct Starts {
        var scrapedMs: [Double] = []
        var readyMs: [Double] = []
        var memoryMiB: [Double] = []
        var wereCold = true
    }

    func run() async throws {
        let folder = try TemporaryFolder(name: "narthex-bench")
        defer { folder.remove() }
        let probe = PageProbe()
        let output = "\(folder.path)/stand-ins.log"
        let process = try ChildProcess(
            [
                standIns ?? AgentSession.beside("narthex-standins"), "--exporters", "\(targets)", "--series",
                "\(series)", "--amp-port", "0",
            ], outputPath: output)
        defer { process.stop(withinSeconds: 10) }
        let places = try await StandInPlaces.read(from: output, clock: SystemClock())
        try StandInFleet.write("\(folder.path)/prometheus.yml", configuration(places))
        var report = BudgetReport()
        guard backlogGib > 0 else {
            add(try await measure(places, folder: folder.path, probe) { _ in "data" }, to: &report)
            return try Self.finish(report)
        }
        try await probe.post("\(places.amp.origin)/fault", "{\"fault\": \"status\", \"status\": 503}")
        // Each has a directory of its own, as an agent leaves in it what it has scraped.
        let empty = try await measure(places, folder: folder.path, probe) { "empty-\($0)" }
        let backlog = try Backlog(
            bytes: UInt64(backlogGib * 1_073_741_824), directory: "\(folder.path)/data",
            destination: "amp")
        let made = try DiskFormula.bytes(of: "\(folder.path)/data")
        report.note("backlog, GiB", Double(backlog.bytes) / 1_073_741_824)
        report.note("backlog, samples", Double(backlog.samples))
        let full = try await measure(places, folder: folder.path, probe) { _ in "data" }
        add(full, to: &report)
        let (least, most) = (empty.memoryMiB.max() ?? 0, full.memoryMiB.max() ?? 0)
        report.note("the same with an empty buffer, MiB, most", least)
        report.note("milliseconds until an agent with an empty buffer is ready", empty.readyMs.max() ?? 0)
        report.check(
            "memory that the backlog takes, % of an empty start's", (most / least - 1) * 100,
            atMost: backlogMemoryBudget)
        let kept = try DiskFormula.bytes(of: "\(folder.path)/data")
        report.check(
            "GiB of the backlog that are gone after the starts",
            max(0, made - kept) / 1_073_741_824, atMost: 0)
        try Self.finish(report)
    }

    private func add(_ starts: Starts, to report: inout BudgetReport) {
        let times = starts.scrapedMs.sorted()
        report.note("starts without page cache", starts.wereCold ? Double(times.count) : 0)
        report.note("milliseconds to the first scrape, least", times.first ?? 0)
        report.note("milliseconds to the first scrape, median", times[times.count / 2])
        report.check("milliseconds to the first scrape, most", times.last ?? 0, atMost: budgetMs)
        report.check(
            "milliseconds until it is ready, most", starts.readyMs.max() ?? 0, atMost: readyBudgetMs)
        report.check(
            "memory seven seconds later, MiB, most", starts.memoryMiB.max() ?? 0, atMost: memoryBudget)
    }

    private static func finish(_ report: BudgetReport) throws {
        print(report.text, terminator: "")
        if report.isExceeded { throw ExitCode(1) }
    }

    /// Starts the agent so often, on the directory that `directory` names by the number of the start.
    private func measure(
        _ places: StandInPlaces, folder: String, _ probe: PageProbe, directory: (Int) -> String
    ) async throws -> Starts {
        let clock = SystemClock()
        guard let exporter = places.exporters.first else { throw BenchError("there is no exporter") }
        var found = Starts()
        found.wereCold = !warm
        for number in 0..<starts {
            if found.wereCold { found.wereCold = Self.dropPageCache() }
            let before = try await scrapes(exporter, probe)
            let address = "127.0.0.1:\(try FreePort.find())"
            let startNs = clock.monotonicNs
            let agent = try ChildProcess(
                [
                    self.agent ?? AgentSession.beside("narthex"), "run",
                    "--config.file=\(folder)/prometheus.yml",
                    "--storage.agent.path=\(folder)/\(directory(number))",
                    "--storage.agent.retention.max-size=\(Int(backlogGib) * 3 + 1)GB",
                    // The first samples of a large backlog are days old.
                    "--storage.agent.retention.max-time=1y",
                    "--web.listen-address=\(address)",
                ], environment: ["SWIFT_BACKTRACE": "enable=no"], outputPath: "\(folder)/agent.log")
            defer { agent.stop(withinSeconds: 30) }
            let readyMs = try await untilReady("http://\(address)/-/ready", probe, startNs: startNs, clock)
            try await clock.sleep(forMs: max(1, 7_000 - Int64(readyMs)))
            guard let resident = agent.residentBytes() else {
                let log = StandInPlaces.text(of: "\(folder)/agent.log") ?? ""
                throw BenchError("the agent has ended: \(log)")
            }
            let after = try await scrapes(exporter, probe)
            let firsts = zip(before, after).compactMap { before, after in
                after.count > before.count ? (before.count == 0 ? after.firstNs : after.lastNs) : nil
            }
            guard let first = firsts.min() else {
                throw BenchError("no target was scraped within seven seconds of the start")
            }
            found.scrapedMs.append(Double(first - startNs) / 1e6)
            found.readyMs.append(readyMs)
            found.memoryMiB.append(Double(resident.all) / 1_048_576)
        }
        return found
    }

    /// Asks every ten milliseconds; how many have gone by since the start when the answer is yes.
    private func untilReady(
        _ url: String, _ probe: PageProbe, startNs: UInt64, _ clock: SystemClock
    ) async throws -> Double {
        var last = "nothing"
        while clock.monotonicNs - startNs < 30_000_000_000 {
            do {
                _ = try await probe.page(url)
                return Double(clock.monotonicNs - startNs) / 1e6
            } catch {
                last = "\(error)"
            }
            try await clock.sleep(forMs: 10)
        }
        throw BenchError("the agent was not ready within 30 s: \(last)")
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
