public import Configuration
public import Logging
public import Platform
public import Telemetry

extension TargetProviders {
    /// The providers of a job's `ec2_sd_configs`. `inventories` are where each entry asks, in their order.
    public static func ec2(
        for job: ScrapeConfiguration, inventories: [EC2Inventory], clock: any AgentClock,
        registry: MetricRegistry, logger: Logger
    ) -> [any TargetProvider] {
        precondition(job.ec2SDConfigs.count == inventories.count, "each entry has an inventory")
        return zip(job.ec2SDConfigs, inventories).map { configuration, inventory in
            EC2Provider(
                configuration, job: job.jobName, inventory: inventory, clock: clock, registry: registry,
                logger: logger)
        }
    }
}
