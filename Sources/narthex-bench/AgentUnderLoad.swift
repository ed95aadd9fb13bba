import HTTPTransport
import Platform
import Telemetry

#if canImport(Glibc)
import Glibc
#endif

/// One run: stand-ins, the agent idle, the agent with its targets, and the differences.
struct AgentUnderLoad {
    /// What the run showed.
    struct Figures {
        var idleMiB = 0.0
        var cpuMicrosecondsPerSample = 0.0
        /// Median over the time of measuring.
        var strtodNs = 0.0
        var sleepsPerScrape = 0.0
        var bytesPerSeries = 0.0
        var samplesPerSecond = 0.0
        var deliveredShare = 0.0
        var bufferBytesPerSample = 0.0
        var requestBytesPerSample = 0.0
        var missingSamples = 0.0
        var badSignatures = 0.0
    }

    let folder: String
    let agentPath: String
    let standInsPath: String
    let targets: Int
    let series: Int
    let intervalSeconds: Int

    private static let accessKey = "AKIDBENCH"
    private static let secretKey = "bench-secret"

    func measure(seconds: Int) async throws -> Figures {
        let clock = SystemClock()
        let standInsOutput = "\(folder)/stand-ins.log"
        let standIns = try ChildProcess(
            [
                standInsPath, "--exporters", "\(targets)", "--series", "\(series)", "--amp-port", "0",
                "--access-key", Self.accessKey,
                "--secret-key", Self.secretKey,
            ], outputPath: standInsOutput)
        defer { standIns.stop(withinSeconds: 10) }
        let places = try await StandInPlaces.read(from: standInsOutput, clock: clock)
        try write("targets.json", "[]")
        try write("narthex.yml", configuration(amp: places.amp.url))
        let agent = try ChildProcess(
            [
                agentPath, "run", "--config.file=\(folder)/narthex.yml",
                "--storage.agent.path=\(folder)/data",
                "--web.listen-address=127.0.0.1:0",
            ], environment: ["SWIFT_BACKTRACE": "enable=no"], outputPath: "\(folder)/agent.log")
        var agentRuns = true
        defer { if agentRuns { agent.stop(withinSeconds: 10) } }

        let probe = PageProbe()
        let status = try await statusURL(clock: clock)
        try await probe.untilReady("\(status)-/ready", clock: clock)
        // Five seconds after its start the agent gives back what only the start needed.
        try await clock.sleep(forMs: 7_000)
        var figures = Figures()
        guard let idle = agent.residentBytes() else { throw BenchError(failure("the agent has ended")) }
        figures.idleMiB = Double(idle.all) / 1_048_576

        try write("targets.json.new", targetFile(places.exporters))
        // Safety: both strings are bridged with a closing zero and live through the call.
        guard unsafe rename("\(folder)/targets.json.new", "\(folder)/targets.json") == 0 else {
            throw BenchError("cannot rename the target file: errno \(errno)")
        }
        // The first round builds layouts and connections; measured is what follows.
        let wanted = Double(targets * series * 2)
        let metrics = "\(status)metrics"
        for _ in 0..<(6 * intervalSeconds + 30) {
            if try await probe.sum(of: "narthex_ledger_delivered_samples_total", at: metrics) >= wanted {
                break
            }
            try await clock.sleep(forMs: 1_000)
        }
        let before = try await probe.sum(of: "narthex_ledger_delivered_samples_total", at: metrics)
        guard before >= wanted, let cpuBefore = agent.cpuSeconds(), let sleepsBefore = agent.sleeps() else {
            throw BenchError(
                failure("the fleet was not delivered twice within six intervals (\(before) samples)"))
        }
        let startNs = clock.monotonicNs
        var greatest = 0
        var yardstick = Yardstick(SyntheticBody.nodeExporter.text(scrape: 1))
        var strtodNs: [Double] = []
        for _ in 0..<seconds {
            try await clock.sleep(forMs: 1_000)
            // The least of a few: one may be interrupted.
            strtodNs.append((0..<3).map { _ in yardstick.strtodNs() }.reduce(.infinity, min))
            greatest = max(greatest, agent.residentBytes()?.all ?? 0)
        }
        guard let cpuAfter = agent.cpuSeconds(), let sleepsAfter = agent.sleeps() else {
            throw BenchError(failure("the agent has ended"))
        }
        let elapsed = Double(clock.monotonicNs - startNs) / 1e9
        let after = try await probe.sum(of: "narthex_ledger_delivered_samples_total", at: metrics)
        let delivered = after - before
        figures.cpuMicrosecondsPerSample = (cpuAfter - cpuBefore) * 1e6 / delivered
        figures.strtodNs = strtodNs.sorted()[strtodNs.count / 2]
        figures.sleepsPerScrape = Double(sleepsAfter - sleepsBefore) * Double(series + 5) / delivered
        figures.bytesPerSeries = Double(greatest - idle.all) / Double(targets * series)
        figures.samplesPerSecond = delivered / elapsed
        figures.deliveredShare =
            delivered / (Double(targets * (series + 5)) * elapsed / Double(intervalSeconds))
        let written = try await probe.sum(of: "narthex_buffer_written_bytes_total", at: metrics)
        let scraped = try await probe.sum(of: "narthex_ledger_scraped_samples_total", at: metrics)
        figures.bufferBytesPerSample = written / scraped
        let sent = try await probe.sum(of: "prometheus_remote_storage_bytes_total", at: metrics)
        figures.requestBytesPerSample = sent / after

        agentRuns = false
        guard agent.stop(withinSeconds: 30) == 0 else {
            throw BenchError(failure("the agent did not stop orderly"))
        }
        let stats = try EndpointCounts.decode(try await probe.page("\(places.amp.origin)/stats"))
        figures.badSignatures = Double(stats.signaturesRefused)
        figures.missingSamples = max(0, after - Double(stats.samples))
        return figures
    }

    private func configuration(amp: String) -> String {
        """
        global:
          scrape_interval: \(intervalSeconds)s
          scrape_timeout: \(min(10, intervalSeconds))s
        scrape_configs:
          - job_name: fleet
            file_sd_configs:
              - files: ['\(folder)/targets.json']
        remote_write:
          - url: \(amp)
            sigv4:
              region: eu-west-1
              access_key: \(Self.accessKey)
              secret_key: \(Self.secretKey)

        """
    }

    private func targetFile(_ exporters: [StandInPlaces.Exporter]) -> String {
        "["
            + exporters.enumerated().map { index, exporter in
                """
                {"targets": ["\(exporter.address)"], "labels": {"__metrics_path__": "\(exporter.path)", \
                "instance": "exporter-\(index)"}}
                """
            }.joined(separator: ",\n") + "]\n"
    }

    private func write(_ name: String, _ text: String) throws(BenchError) {
        // Safety: the strings live through their calls; the file is closed once, here, and unused afterwards.
        guard let file = unsafe fopen("\(folder)/\(name)", "w") else {
            throw BenchError("cannot write \(name)")
        }
        let written = unsafe fputs(text, file)
        guard unsafe fclose(file) == 0, written >= 0 else { throw BenchError("cannot write \(name)") }
    }

    /// Where the agent says its pages are: it was told to take any free port.
    private func statusURL(clock: some AgentClock) async throws -> String {
        for _ in 0..<300 {
            if let log = StandInPlaces.text(of: "\(folder)/agent.log"),
                let start = log.firstRange(of: "status=\"")?.upperBound
                    ?? log.firstRange(of: "status=")?.upperBound,
                let end = log[start...].firstIndex(where: { $0 == "\"" || $0 == " " || $0 == "\n" })
            {
                return String(log[start..<end])
            }
            try await clock.sleep(forMs: 100)
        }
        throw BenchError(failure("the agent did not say within 30 s where its pages are"))
    }

    private func failure(_ what: String) -> String {
        let log = StandInPlaces.text(of: "\(folder)/agent.log") ?? ""
        return "\(what); its log ends:\n" + log.split(separator: "\n").suffix(10).joined(separator: "\n")
    }
}
