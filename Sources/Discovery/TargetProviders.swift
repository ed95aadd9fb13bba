public import Configuration
public import Logging
public import Platform
public import Telemetry

/// Makes the providers that a job asks for.
public enum TargetProviders {
    /// Where an ECS configuration's API is asked, and through what.
    public struct ECSAccess: Sendable {
        public let inventory: ECSInventory
        public let ownCluster: ECSOwnCluster

        public init(inventory: ECSInventory, ownCluster: ECSOwnCluster) {
            self.inventory = inventory
            self.ownCluster = ownCluster
        }
    }

    /// `workers` read files, whose times go to `times`. `ecs` is called once for each `ecs_sd_configs` entry.
    /// `current` are the providers that the job has, some of which may go on beside the new ones.
    public static func make<Failure: Error>(
        for job: ScrapeConfiguration, files: any FileDoor, workers: WorkerPool, clock: any AgentClock,
        registry: MetricRegistry, times: TargetFileTimes? = nil, logger: Logger,
        beside current: [any TargetProvider] = [], ecs: (ECSSDConfiguration) throws(Failure) -> ECSAccess
    ) throws(Failure) -> [any TargetProvider] {
        var providers: [any TargetProvider] = []
        if !job.staticConfigs.isEmpty { providers.append(StaticProvider(job.staticConfigs)) }
        for configuration in job.fileSDConfigs {
            providers.append(
                FileProvider(
                    configuration, files: files, workers: workers, clock: clock, registry: registry,
                    times: times, logger: logger))
        }
        let measures =
            current.lazy.compactMap { ($0 as? ECSProvider)?.measures }.first
            ?? ECSJobMeasures(job: job.jobName, clock: clock, registry: registry)
        for configuration in job.ecsSDConfigs {
            let access = try ecs(configuration)
            providers.append(
                ECSProvider(
                    configuration, job: job.jobName, metricsPath: job.metricsPath,
                    inventory: access.inventory,
                    ownCluster: access.ownCluster, clock: clock, registry: registry, measures: measures,
                    logger: logger))
        }
        return providers
    }
}
