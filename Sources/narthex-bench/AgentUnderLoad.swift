import Platform

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
        /// Of the peer; 0 without one.
        var peerMicrosecondsPerSample = 0.0
        var peerMiB = 0.0
        /// Of ours, at its greatest.
        var loadedMiB = 0.0
        /// Of the segment that was written last.
        var density: DensityReport?
    }

    let plan: AgentSession.Plan
    /// Prometheus' program, to run beside ours; nil for none.
    var peerPath: String?

    func measure(seconds: Int) async throws -> Figures {
        guard let peerPath else { return try await measure(seconds: seconds, beside: nil) }
        let peer = try await PrometheusPeer(plan, program: peerPath)
        defer { peer.stop() }
        return try await measure(seconds: seconds, beside: peer)
    }

    private func measure(seconds: Int, beside peer: PrometheusPeer?) async throws -> Figures {
        let session = try await AgentSession(plan)
        do {
            var figures = try await measure(session, seconds: seconds, beside: peer)
            let after = try await session.delivered()
            guard session.agent.stop(withinSeconds: 30) == 0 else {
                throw session.failure("the agent did not stop orderly")
            }
            figures.density = try DensityReport(directory: plan.storagePath)
            let counts = try await session.fleet.endpointCounts(session.probe)
            figures.badSignatures = Double(counts.signaturesRefused)
            figures.missingSamples = max(0, after - Double(counts.samples))
            session.fleet.stop()
            return figures
        } catch {
            session.abandon()
            throw error
        }
    }

    private func measure(
        _ session: AgentSession, seconds: Int, beside peer: PrometheusPeer?
    ) async throws -> Figures {
        let clock = session.clock
        let agent = session.agent
        let (targets, series) = (plan.targets, plan.series)
        var figures = Figures()
        guard let idle = agent.residentBytes() else { throw session.failure("the agent has ended") }
        figures.idleMiB = Double(idle.all) / 1_048_576

        try session.fleet.giveTargets()
        // The first round builds layouts and connections; measured is what follows.
        let before = try await session.untilDelivered(
            Double(targets * series * 2), withinSeconds: 6 * plan.intervalSeconds + 30)
        guard let cpuBefore = agent.cpuSeconds(), let sleepsBefore = agent.sleeps() else {
            throw session.failure("the agent has ended")
        }
        let peerBefore = try await peer?.count()
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
            throw session.failure("the agent has ended")
        }
        let elapsed = Double(clock.monotonicNs - startNs) / 1e9
        let after = try await session.delivered()
        let delivered = after - before
        if let peer, let peerBefore {
            let peerAfter = try await peer.count()
            let taken = peerAfter.samples - peerBefore.samples
            guard taken > 0 else { throw BenchError("the peer's endpoint took no samples") }
            figures.peerMicrosecondsPerSample =
                (peerAfter.cpuSeconds - peerBefore.cpuSeconds) * 1e6 / taken
            figures.peerMiB = Double(peer.residentBytes() ?? 0) / 1_048_576
        }
        figures.loadedMiB = Double(greatest) / 1_048_576
        figures.cpuMicrosecondsPerSample = (cpuAfter - cpuBefore) * 1e6 / delivered
        figures.strtodNs = strtodNs.sorted()[strtodNs.count / 2]
        figures.sleepsPerScrape = Double(sleepsAfter - sleepsBefore) * Double(series + 5) / delivered
        figures.bytesPerSeries = Double(greatest - idle.all) / Double(targets * series)
        figures.samplesPerSecond = delivered / elapsed
        figures.deliveredShare =
            delivered / (Double(targets * (series + 5)) * elapsed / Double(plan.intervalSeconds))
        let written = try await session.sum(of: "narthex_buffer_written_bytes_total")
        let scraped = try await session.sum(of: "narthex_ledger_scraped_samples_total")
        figures.bufferBytesPerSample = written / scraped
        let sent = try await session.sum(of: "prometheus_remote_storage_bytes_total")
        figures.requestBytesPerSample = sent / after
        return figures
    }
}
