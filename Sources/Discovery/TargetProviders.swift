public import AWS
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

    /// `workers` read files. `ecs` is called once for each `ecs_sd_configs` entry.
    public static func make(
        for job: ScrapeConfiguration, files: any FileDoor, workers: WorkerPool, clock: any AgentClock,
        registry: MetricRegistry, logger: Logger, ecs: (ECSSDConfiguration) throws(AWSError) -> ECSAccess
    ) throws(AWSError) -> [any TargetProvider] {
        var providers: [any TargetProvider] = []
        if !job.staticConfigs.isEmpty { providers.append(StaticProvider(job.staticConfigs)) }
        for configuration in job.fileSDConfigs {
            providers.append(
                FileProvider(
                    configuration, files: files, workers: workers, clock: clock, registry: registry,
                    logger: logger))
        }
        let measures = ECSJobMeasures(job: job.jobName, clock: clock, registry: registry)
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
