public import Configuration
public import HTTPTransport
public import Logging
public import Platform
public import Telemetry

extension TargetProviders {
    /// The providers of a job that ask web servers and DNS. `http` makes a client with the options given.
    /// `resolver` is evaluated only where the job looks names up.
    public static func network(
        for job: ScrapeConfiguration, http: (HTTPClientOptions) -> any HTTPPerforming,
        resolver: @autoclosure () -> any DNSResolving, workers: WorkerPool, clock: any AgentClock,
        registry: MetricRegistry, logger: Logger
    ) -> [any TargetProvider] {
        let web: [any TargetProvider] = job.httpSDConfigs.map { configuration in
            HTTPProvider(
                configuration, job: job.jobName, http: http(configuration.http), workers: workers,
                clock: clock, registry: registry, logger: logger)
        }
        return web
            + job.dnsSDConfigs.map { configuration in
                DNSProvider(
                    configuration, job: job.jobName, resolver: resolver(), clock: clock, registry: registry,
                    logger: logger)
            }
    }
}
