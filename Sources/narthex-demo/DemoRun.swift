import AWS
import Agent
import Platform
import StandIns

#if canImport(Glibc)
import Glibc
#endif

/// One run of the demo.
struct DemoRun {
    let folder: DemoFolder
    let isTerminal: Bool
    private let clock = SystemClock()

    func run(until stop: Event) async throws {
        defer { folder.remove() }
        let fleet = try await ExporterFleet.start(
            FleetConfiguration(exporters: 6, seriesEach: 500, addressing: .addresses))
        let amp = try await StandInAMP.start(
            AMPConfiguration(region: Demo.region, credentials: Demo.credentials))
        let ecs = try await StandInECS.start(
            ECSConfiguration(region: Demo.region, credentials: Demo.credentials),
            world: .fargate(cluster: Demo.cluster, places: fleet.places, tasksEach: 3))
        try folder.write("narthex.yml", configuration(amp: amp.url, ecs: ecs.url))

        var options = AgentOptions(configFile: folder.path("narthex.yml"))
        options.storagePath = folder.path("data")
        options.listenAddress = "127.0.0.1:0"
        options.flushDeadlineMs = 5_000
        let agent = try await Agent.start(options)

        let startNs = clock.monotonicNs
        var screen = DemoScreen(isTerminal: isTerminal)
        StandardStreams.writeOutput(introduction(amp: amp.url, ecs: ecs.url))
        while !stop.isSignalled {
            let numbers = numbers(agent.snapshot(), agent.statusURL, amp.counts, ecs, fleet, since: startNs)
            if let text = screen.render(numbers) { StandardStreams.writeOutput(text) }
            await stop.wait(untilNs: clock.deadlineNs(inMs: 500), clock: clock)
        }
        StandardStreams.writeOutput("\nStopping: scraping ends, what is buffered is sent.\n")
        let last = try await agent.stop()
        let numbers = numbers(last, agent.statusURL, amp.counts, ecs, fleet, since: startNs)
        StandardStreams.writeOutput(screen.summary(numbers))
        await amp.stop()
        await ecs.stop()
        await fleet.stop()
    }

    private func configuration(amp: String, ecs: String) -> String {
        """
        global:
          scrape_interval: 2s
          scrape_timeout: 1s
          external_labels:
            cluster: demo
        scrape_configs:
          - job_name: ecs
            ecs_sd_configs:
              - clusters: [\(Demo.cluster)]
                region: \(Demo.region)
                endpoint: \(ecs)
                refresh_interval: 5s
                access_key: \(Demo.credentials.accessKeyID)
                secret_key: \(Demo.credentials.secretAccessKey)
        remote_write:
          - url: \(amp)
            name: amp
            queue_config:
              batch_send_deadline: 1s
            sigv4:
              region: \(Demo.region)
              access_key: \(Demo.credentials.accessKeyID)
              secret_key: \(Demo.credentials.secretAccessKey)

        """
    }

    private func introduction(amp: String, ecs: String) -> String {
        """
        Stand-ins on this machine: an ECS API (\(ecs)), six Fargate tasks with an
        exporter each, and an AMP endpoint (\(amp))
        that checks every signature and decodes every request. The agent between them is the real one; its
        configuration is \(folder.path("narthex.yml")).

        """
    }

    private func numbers(
        _ snapshot: AgentSnapshot, _ statusURL: String, _ counts: AMPCounts, _ ecs: StandInECS,
        _ fleet: ExporterFleet, since startNs: UInt64
    ) -> DemoNumbers {
        var numbers = DemoNumbers()
        numbers.elapsedMs = Int64((clock.monotonicNs - startNs) / 1_000_000)
        numbers.discoveredTargets = snapshot.endpoints.count
        numbers.healthyTargets = snapshot.endpoints.count { $0.isUp == true }
        numbers.series = counts.series
        numbers.scrapedSamples = snapshot.scraped
        numbers.bufferedSamples = snapshot.destinations.map(\.buffered).reduce(0, +)
        numbers.acknowledgedSamples = snapshot.destinations.map(\.delivered).reduce(0, +)
        numbers.droppedSamples = snapshot.destinations.map(\.droppedTotal).reduce(0, +)
        numbers.requests = counts.requests
        numbers.requestBytes = counts.compressedBytes
        numbers.signaturesChecked = counts.signaturesChecked + ecs.signaturesChecked
        numbers.signaturesRefused = counts.signaturesRefused + ecs.signaturesRefused
        numbers.statusURL = statusURL
        return numbers
    }
}
