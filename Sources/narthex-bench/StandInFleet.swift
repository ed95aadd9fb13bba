import Platform
import StandIns

#if canImport(Glibc)
import Glibc
#endif

/// Exporters and an AMP endpoint, a process of their own, and the configuration with which an agent, ours or
/// Prometheus, serves them.
struct StandInFleet {
    static let accessKey = "AKIDBENCH"
    static let secretKey = "bench-secret"
    static let region = "eu-west-1"
    /// The scrape timeout, where the interval is not shorter; Prometheus' default.
    static let longestTimeoutMs: Int64 = 10_000
    /// The endpoint's keys for an agent that takes them as AWS' own programs do.
    static let awsEnvironment = [
        "AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_REGION": region,
    ]

    let places: StandInPlaces
    let configurationPath: String
    private let process: ChildProcess
    private let targetsPath: String

    /// Starts the process and writes the files: no targets yet. `name` tells the files of several fleets
    /// apart, `queue` is YAML of `queue_config`, `protocols` of `scrape_protocols`; the endpoint checks
    /// signatures if it `isSigned`. The configuration has no `remote_write` unless it `writes`. A process
    /// that `leadsGroup` is not reached by Ctrl-C on a terminal. Whoever gets it stops it.
    init(
        _ plan: AgentSession.Plan, name: String = "", queue: String = "{}", protocols: String? = nil,
        isSigned: Bool = true, writes: Bool = true, leadsGroup: Bool = false
    ) async throws {
        let output = "\(plan.folder)/\(name)stand-ins.log"
        process = try ChildProcess(
            [
                plan.standInsPath, "--exporters", "\(plan.targets)", "--series", "\(plan.series)",
                "--amp-port", "0",
            ] + (isSigned ? ["--access-key", Self.accessKey, "--secret-key", Self.secretKey] : [])
                + plan.fleet, outputPath: output, leadsGroup: leadsGroup)
        targetsPath = "\(plan.folder)/\(name)targets.json"
        configurationPath = "\(plan.folder)/\(name)prometheus.yml"
        do {
            places = try await StandInPlaces.read(from: output, clock: SystemClock())
            try Self.write(targetsPath, "[]")
            try Self.write(
                configurationPath,
                configuration(
                    plan, queue: queue, protocols: protocols, isSigned: isSigned, writes: writes))
        } catch {
            process.stop(withinSeconds: 10)
            throw error
        }
    }

    func stop() { process.stop(withinSeconds: 10) }

    /// Shows the agent its targets: all exporters, or the `first` so many.
    func giveTargets(first count: Int = .max) throws(BenchError) {
        try Self.write("\(targetsPath).new", targetFile(count))
        // Safety: both strings are bridged with a closing zero and live through the call.
        guard unsafe rename("\(targetsPath).new", targetsPath) == 0 else {
            throw BenchError("cannot rename the target file: errno \(errno)")
        }
    }

    /// What the endpoint has counted.
    func endpointCounts(_ probe: PageProbe) async throws -> EndpointCounts {
        try EndpointCounts.decode(try await probe.page("\(places.amp.origin)/stats"))
    }

    /// How old samples were when the endpoint had them.
    func sampleAges(_ probe: PageProbe) async throws -> SampleAges {
        guard let ages = SampleAges(text: try await probe.page("\(places.amp.origin)/ages")) else {
            throw BenchError("the endpoint does not tell how old samples were")
        }
        return ages
    }

    /// Sets how long the endpoint's answers take from now on, and ends any other fault.
    func setAnswerDelay(ms: Int64, _ probe: PageProbe) async throws {
        try await order(
            ms == 0 ? "{\"fault\": \"none\"}" : "{\"fault\": \"delay\", \"delayMs\": \(ms)}", probe)
    }

    /// Gives the endpoint an order about faults.
    func order(_ json: String, _ probe: PageProbe) async throws {
        try await probe.post("\(places.amp.origin)/fault", json)
    }

    /// User and system CPU time in seconds; nil once the process has ended.
    func cpuSeconds() -> Double? { process.cpuSeconds() }

    /// The pages that were given whole, behind the first `known` of them.
    func servedPages(from known: Int, _ probe: PageProbe) async throws -> [ServedPage] {
        guard let first = places.exporters.first,
            let pages = ServedPage.all(
                in: try await probe.page("http://\(first.address)/served?from=\(known)"))
        else { throw BenchError("the exporters do not tell what they have served") }
        return pages
    }

    /// Returns when the exporters have answered a question that costs nothing: late, if they have more to do
    /// than they can.
    func awaitExporters(_ probe: PageProbe) async throws {
        _ = try await servedPages(from: .max, probe)
    }

    /// What has come of each scrape of which something came since the question that gave `cursor`.
    func arrivals(since cursor: UInt64, _ probe: PageProbe) async throws -> ArrivalChanges {
        let text = try await probe.page("\(places.amp.origin)/arrivals?since=\(cursor)")
        guard let changes = ArrivalChanges(text: text) else {
            throw BenchError("the endpoint does not tell what has arrived")
        }
        return changes
    }

    /// When each exporter was scraped.
    func scrapeTimes(_ probe: PageProbe) async throws -> [ScrapeTimes] {
        guard let first = places.exporters.first,
            let times = ScrapeTimes.all(in: try await probe.page("http://\(first.address)/scrapes"))
        else { throw BenchError("the exporters do not tell when they were scraped") }
        return times
    }

    private func configuration(
        _ plan: AgentSession.Plan, queue: String, protocols: String?, isSigned: Bool, writes: Bool
    ) -> String {
        let scraping = """
            global:
              scrape_interval: \(plan.intervalSeconds)s
              scrape_timeout: \(min(Int(Self.longestTimeoutMs / 1_000), plan.intervalSeconds))s\
            \(protocols.map { "\n  scrape_protocols: \($0)" } ?? "")
            scrape_configs:
              - job_name: fleet
                file_sd_configs:
                  - files: ['\(targetsPath)']

            """
        guard writes else { return scraping }
        let writing = """
            remote_write:
              - url: \(places.amp.url)
                queue_config: \(queue)

            """
        return scraping + writing + (isSigned ? signing : "")
    }

    /// The label `instance` of an exporter.
    static func instance(_ exporter: Int) -> String { "exporter-\(exporter)" }

    private var signing: String {
        """
            sigv4:
              region: \(Self.region)
              access_key: \(Self.accessKey)
              secret_key: \(Self.secretKey)

        """
    }

    private func targetFile(_ count: Int) -> String {
        "["
            + places.exporters.prefix(count).enumerated().map { index, exporter in
                """
                {"targets": ["\(exporter.address)"], "labels": {"__metrics_path__": "\(exporter.path)", \
                "instance": "\(Self.instance(index))"}}
                """
            }.joined(separator: ",\n") + "]\n"
    }

    /// Writes a file: in place of what is there, or behind it if it `appends`.
    static func write(_ path: String, _ text: String, appends: Bool = false) throws(BenchError) {
        // Safety: the strings live through their calls; the file is closed once, here, and unused afterwards.
        guard let file = unsafe fopen(path, appends ? "a" : "w") else {
            throw BenchError("cannot write \(path)")
        }
        let written = unsafe fputs(text, file)
        guard unsafe fclose(file) == 0, written >= 0 else { throw BenchError("cannot write \(path)") }
    }
}
