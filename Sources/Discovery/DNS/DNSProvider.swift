import Addresses
public import Configuration
public import Logging
import MetricModel
public import Platform
public import Telemetry

/// Targets from DNS: `dns_sd_configs`. A name whose look-up fails keeps its targets; one that is gone has
/// none.
public struct DNSProvider: TargetProvider {
    /// How often a fault that lasts is logged.
    static let repeatMs: Int64 = 300_000

    public let name = "dns"
    private let configuration: DNSSDConfiguration
    private let resolver: any DNSResolving
    private let clock: any AgentClock
    private let logger: Logger
    private let lookups: Counter
    private let failures: Counter
    private let refreshes: RefreshMetrics
    private let wrong = ProviderProblems()
    private let unanswered = ProviderProblems()

    public init(
        _ configuration: DNSSDConfiguration, job: String, resolver: any DNSResolving, clock: any AgentClock,
        registry: MetricRegistry, logger: Logger
    ) {
        self.configuration = configuration
        self.resolver = resolver
        self.clock = clock
        var logger = logger
        logger[metadataKey: "job"] = "\(job)"
        self.logger = logger
        lookups = registry.counter(
            "prometheus_sd_dns_lookups_total", help: "The number of DNS-SD lookups.")
        failures = registry.counter(
            "prometheus_sd_dns_lookup_failures_total", help: "The number of DNS-SD lookup failures.")
        refreshes = RefreshMetrics(mechanism: name, job: job, clock: clock, registry: registry)
    }

    public var problems: [String] { wrong.sentences }
    public var unread: [String] { unanswered.sentences }

    public func isSame(as other: any TargetProvider) -> Bool {
        (other as? DNSProvider)?.configuration == configuration
    }

    public func run(_ report: @Sendable ([TargetGroup]) async -> Void) async {
        var known: [String: TargetGroup] = [:]
        var faults = RepeatedFaults(repeatMs: Self.repeatMs)
        var last: [TargetGroup]?
        while !Task.isCancelled {
            let startNs = clock.monotonicNs
            let results = await lookUpAll()
            if Task.isCancelled { return }
            var hasFailed = false
            for (name, result) in results {
                if case .failure(let error) = result {
                    hasFailed = true
                    let sentence = ProviderProblems.sentence(name, "\(error)")
                    wrong.set(name, sentence)
                    unanswered.set(name, sentence)
                }
                switch result {
                case .success(let group):
                    known[name] = group
                    faults.forget(name)
                    unanswered.set(name, nil)
                    let type = configuration.type.rawValue
                    wrong.set(
                        name,
                        group.targets.isEmpty
                            ? "\(name): there is no such name, or it has no \(type) record" : nil)
                case .failure(let error) where faults.isDue(name, error.message, nowNs: clock.monotonicNs):
                    let what: Logger.Message =
                        known[name] == nil
                        ? "a name could not be looked up, and no target of it is known"
                        : "a name could not be looked up; its last good targets stay"
                    logger.error(
                        what,
                        metadata: ["name": "\(name)", "err": "\(error)"])
                case .failure: break
                }
            }
            refreshes.refreshed(sinceNs: startNs, hasFailed: hasFailed)
            let groups = configuration.names.compactMap { known[$0] }
            // Before the first answer nothing is known, which is not the same as no targets.
            if groups != last, !groups.isEmpty {
                last = groups
                await report(groups)
            }
            let waitNs = UInt64(configuration.refreshIntervalMs) * 1_000_000
            do { try await clock.sleep(untilNs: startNs + waitNs) } catch { return }
        }
    }

    private func lookUpAll() async -> [(String, Result<TargetGroup, ResolverError>)] {
        await withTaskGroup(of: (String, Result<TargetGroup, ResolverError>).self) { tasks in
            for name in configuration.names { tasks.addTask { (name, await outcome(name)) } }
            var results: [(String, Result<TargetGroup, ResolverError>)] = []
            for await result in tasks { results.append(result) }
            return results
        }
    }

    private func outcome(_ name: String) async -> Result<TargetGroup, ResolverError> {
        do throws(ResolverError) {
            return .success(try await lookUp(name))
        } catch {
            return .failure(error)
        }
    }

    private func lookUp(_ name: String) async throws(ResolverError) -> TargetGroup {
        lookups.add()
        do throws(ResolverError) {
            let bytes = try await resolver.search(name, configuration.type)
            if bytes.isEmpty { return TargetGroup(source: name, targets: []) }
            guard let message = DNSMessage(bytes) else {
                throw ResolverError("the name server's answer is no DNS message")
            }
            // Servers turn the order round from answer to answer, which is no change.
            let targets = message.answers.map { target($0, name) }.sorted {
                ($0["__address__"] ?? "") < ($1["__address__"] ?? "")
            }
            return TargetGroup(source: name, targets: targets)
        } catch {
            failures.add()
            throw error
        }
    }

    /// The labels of Prometheus' discovery/dns.
    private func target(_ record: DNSRecord, _ name: String) -> LabelSet {
        var labels = LabelSet([Label("__meta_dns_name", name)])
        let port = configuration.port ?? 0
        switch record {
        case .address(let address): labels["__address__"] = HostPort.text(host: address.text, port: port)
        case .service(let target, let port):
            labels["__address__"] = HostPort.text(host: Self.withoutDot(target), port: port)
            labels["__meta_dns_srv_record_target"] = target
            labels["__meta_dns_srv_record_port"] = "\(port)"
        case .mailExchange(let host):
            labels["__address__"] = HostPort.text(host: Self.withoutDot(host), port: port)
            labels["__meta_dns_mx_record_target"] = host
        case .nameServer(let host):
            labels["__address__"] = HostPort.text(host: Self.withoutDot(host), port: port)
            labels["__meta_dns_ns_record_target"] = host
        }
        return labels
    }

    private static func withoutDot(_ name: String) -> String {
        name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}
