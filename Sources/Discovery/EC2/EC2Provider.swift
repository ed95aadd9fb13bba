import AWS
import Configuration
import Logging
import Platform
import Telemetry

/// Targets from instances of EC2: `ec2_sd_configs`. What cannot be read keeps the last good list.
struct EC2Provider: TargetProvider {
    /// How often a fault that lasts is logged.
    static let repeatMs: Int64 = 300_000
    private static let instances = "instances"
    private static let zones = "availability zones"

    let name = "ec2"
    private let configuration: EC2SDConfiguration
    private let inventory: EC2Inventory
    private let filters: [EC2Filter]
    private let clock: any AgentClock
    private let wait: RefreshWait
    private let logger: Logger
    private let refreshes: RefreshMetrics
    private let wrong = ProviderProblems()

    init(
        _ configuration: EC2SDConfiguration, job: String, inventory: EC2Inventory, clock: any AgentClock,
        registry: MetricRegistry, logger: Logger,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.configuration = configuration
        self.inventory = inventory
        filters = configuration.filters.map { EC2Filter(name: $0.name, values: $0.values) }
        self.clock = clock
        wait = RefreshWait(intervalMs: configuration.refreshIntervalMs, random: random)
        var logger = logger
        logger[metadataKey: "job"] = "\(job)"
        logger[metadataKey: "region"] = "\(inventory.region)"
        self.logger = logger
        refreshes = RefreshMetrics(mechanism: name, job: job, clock: clock, registry: registry)
    }

    var problems: [String] { wrong.sentences }

    func isSame(as other: any TargetProvider) -> Bool {
        guard let other = other as? EC2Provider else { return false }
        return other.configuration == configuration && other.inventory === inventory
    }

    func run(_ report: @Sendable ([TargetGroup]) async -> Void) async {
        await inventory.join(filters)
        await refresh(report)
        await inventory.leave(filters)
    }

    private func refresh(_ report: @Sendable ([TargetGroup]) async -> Void) async {
        var faults = RepeatedFaults(repeatMs: Self.repeatMs)
        var failedRounds = 0
        var isFailing = false
        var last: TargetGroup?
        while !Task.isCancelled {
            let startNs = clock.monotonicNs
            let outcome = await inventory.read(filters, freshNs: wait.freshNs)
            if Task.isCancelled { return }
            switch outcome {
            case .success(let reading):
                refreshes.refreshed(sinceNs: startNs, hasFailed: false)
                if isFailing { logger.info("EC2 answers again") }
                isFailing = false
                failedRounds = 0
                faults.forget(Self.instances)
                wrong.set(Self.instances, nil)
                tellZones(reading.zonesFault, &faults)
                let group = group(reading)
                if group != last {
                    last = group
                    await report([group])
                }
            case .failure(let error):
                refreshes.refreshed(sinceNs: startNs, hasFailed: true)
                tell(error, hasTargets: last != nil, &faults)
                isFailing = true
                // Who is told to ask less waits the whole interval.
                failedRounds =
                    error.code == .throttled ? 0 : min(failedRounds + 1, RefreshWait.failedRoundsLimit)
            }
            let deadlineNs = startNs + wait.ns(failedRounds: failedRounds)
            do { try await clock.sleep(untilNs: deadlineNs) } catch { return }
        }
    }

    /// One group for the region, named as Prometheus names it.
    private func group(_ reading: EC2Inventory.Reading) -> TargetGroup {
        let labels = EC2Labels(
            region: inventory.region, port: configuration.port, zoneIDs: reading.zoneIDs)
        return TargetGroup(source: inventory.region, targets: labels.targets(reading.instances))
    }

    private func tell(_ error: AWSError, hasTargets: Bool, _ faults: inout RepeatedFaults) {
        let message = error.advice
        wrong.set(Self.instances, message)
        guard faults.isDue(Self.instances, message, nowNs: clock.monotonicNs) else { return }
        let what: Logger.Message =
            hasTargets
            ? "EC2 could not be asked; the last good targets stay"
            : "EC2 could not be asked, and no target is known"
        logger.error(what, metadata: ["err": "\(message)"])
    }

    /// Targets are as they should be but for one label.
    private func tellZones(_ fault: AWSError?, _ faults: inout RepeatedFaults) {
        guard let fault else {
            wrong.set(Self.zones, nil)
            return faults.forget(Self.zones)
        }
        let message = fault.advice
        wrong.set(Self.zones, "targets lack __meta_ec2_availability_zone_id: \(message)")
        guard faults.isDue(Self.zones, message, nowNs: clock.monotonicNs) else { return }
        logger.warning(
            "availability zones could not be asked for; targets lack __meta_ec2_availability_zone_id",
            metadata: ["err": "\(message)"])
    }
}
