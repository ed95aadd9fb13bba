/// Prometheus in agent mode with a fleet and an endpoint of its own, equal to ours: what the same work costs
/// it on the same machine at the same time.
struct PrometheusPeer {
    /// Counted since its start.
    struct Count {
        let cpuSeconds: Double
        /// Samples that its endpoint has taken.
        let samples: Double
    }

    private let fleet: StandInFleet
    private let process: ChildProcess
    private let probe = PageProbe()
    private let logPath: String

    /// Starts both and gives Prometheus its targets. `program` is Prometheus 2.32 to 2.x, which has its
    /// agent behind a feature flag. Whoever gets it stops it.
    init(_ plan: AgentSession.Plan, program: String) async throws {
        logPath = "\(plan.folder)/peer.log"
        // Prometheus 3's default; its predecessor sends 500 at a time, which costs it more. Debian builds it
        // without SigV4, so it need not sign.
        fleet = try await StandInFleet(
            plan, name: "peer-", queue: "{max_samples_per_send: 2000}", isSigned: false)
        do {
            // Before the start: a change while it begins to watch the file would not be seen for minutes.
            try fleet.giveTargets()
            process = try ChildProcess(
                [
                    program, "--enable-feature=agent", "--config.file=\(fleet.configurationPath)",
                    "--storage.agent.path=\(plan.folder)/peer-data", "--web.listen-address=127.0.0.1:0",
                ], outputPath: logPath)
        } catch {
            fleet.stop()
            throw error
        }
    }

    func count() async throws -> Count {
        guard let cpuSeconds = process.cpuSeconds() else {
            let end = (StandInPlaces.text(of: logPath) ?? "").suffix(1_000)
            throw BenchError("the peer has ended; its log ends:\n\(end)")
        }
        return Count(
            cpuSeconds: cpuSeconds, samples: Double(try await fleet.endpointCounts(probe).samples))
    }

    func residentBytes() -> Int? { process.residentBytes()?.all }

    func stop() {
        process.stop(withinSeconds: 30)
        fleet.stop()
    }
}
