import AWS
import Addresses
import Configuration
import Discovery
import HTTPAccess
import HTTPTransport
import MetricModel
import Platform
import RemoteWrite
import Scrape

extension DoctorAccess {
    // MARK: - Credentials

    /// The credentials of those who have the same, and whom AWS takes them for.
    func checkIdentity(_ users: [AWSUser]) async -> DoctorFindings {
        guard let user = users.first(where: { $0.region != nil }) ?? users.first else {
            return DoctorFindings()
        }
        let chain = user.chain
        var facts = IdentityFacts(
            users: users.map(\.name), name: Self.name(user.identity),
            credentials: .failure(AWSError(.noCredentials, message: "not asked", operation: "credentials")))
        do throws(AWSError) {
            let credentials = try await chain.credentials()
            let remainingMs = chain.remainingMs
            facts.credentials = .success(
                IdentityFacts.Found(
                    accessKeyID: credentials.accessKeyID, source: chain.source ?? "the configuration",
                    expiresIn: IdentityReport.expiry(remainingMs, of: credentials),
                    isExpired: (remainingMs ?? 0) < 0))
        } catch {
            facts.credentials = .failure(error)
            return DoctorFindings(facts.lines)
        }
        guard let region = user.region else { return DoctorFindings(facts.lines) }
        let client = user.aws.client(region: region, credentials: chain, profile: user.profile)
        let askedMs = clock.wallMs
        do throws(AWSError) {
            let identity = try await client.callerIdentity()
            facts.identity = .success(identity)
            let told = identity.serverMs.map {
                ClockFacts(
                    teller: "AWS' STS", isAWS: true, serverMs: $0, askedMs: askedMs,
                    answeredMs: clock.wallMs)
            }
            return DoctorFindings(facts.lines, clock: told)
        } catch {
            facts.identity = .failure(error)
            return DoctorFindings(facts.lines)
        }
    }

    /// As metrics call them.
    private static func name(_ identity: CredentialConfiguration) -> String {
        if let role = identity.roleARN { return role }
        if let profile = identity.profile { return "profile \(profile)" }
        return identity.accessKeyID == nil ? "default" : "keys"
    }

    // MARK: - Destinations

    /// Whether a destination is reached, and takes a write.
    func check(_ entry: RemoteWriteConfiguration, as user: AWSUser?) async -> DoctorFindings {
        var facts = DestinationFacts(entry)
        facts.region = user?.region
        let http = client(entry.http)
        var reading = HTTPRequest(
            url: entry.url, timeoutMs: options.exchangeTimeoutMs, bodyLimitBytes: 1 << 20)
        reading.requiresBody = false
        var told: ClockFacts?
        let askedMs = clock.wallMs
        do throws(HTTPError) {
            let answer = try await http.perform(reading)
            facts.reach = .answered(
                status: answer.status, afterMs: Int64(clamping: answer.durationNs / 1_000_000))
            told = answer.headers["date"].flatMap { Timestamp.parseHTTPDate($0) }.map {
                ClockFacts(
                    teller: HTTPURL(entry.url)?.hostName ?? facts.name,
                    isAWS: HTTPURL(entry.url).flatMap { AWSRegion.ofAMP(host: $0.hostName) } != nil,
                    serverMs: $0, askedMs: askedMs, answeredMs: clock.wallMs)
            }
        } catch {
            facts.reach = .failed(error)
        }
        facts.write = await WriteProbe.ask(
            entry, http: http, credentials: user?.chain, region: user?.region, clock: clock,
            timeoutMs: options.exchangeTimeoutMs)
        return DoctorFindings(facts.lines, clock: told)
    }

    // MARK: - ECS

    /// What an `ecs_sd_configs` entry must be allowed.
    func check(
        _ entry: ECSSDConfiguration, job: String, as user: AWSUser, _ soFar: LinesSoFar
    ) async -> DoctorFindings {
        guard let region = user.region else { return noRegion("ECS", "ecs_sd_configs", job) }
        soFar.add(.ok("region", of: job, region))
        func client(_ endpoint: String?) -> AWSClient {
            user.aws.client(
                region: region, credentials: user.chain, profile: entry.profile, endpoint: endpoint)
        }
        let probe = ECSPermissionProbe(
            entry: entry, ecs: client(entry.endpoint), others: client(nil),
            ownCluster: await ownCluster(for: entry, region: region))
        await probe.run { soFar.add($0.line(job: job)) }
        return DoctorFindings(soFar.lines)
    }

    private func noRegion(_ service: String, _ block: String, _ job: String) -> DoctorFindings {
        DoctorFindings([
            .wrong(
                "region", of: job, "there is none to ask \(service) in",
                remedy: "set region in \(block), or AWS_REGION, or a region in the profile")
        ])
    }

    /// What an `ec2_sd_configs` entry must be allowed.
    func check(
        _ entry: EC2SDConfiguration, job: String, as user: AWSUser, _ soFar: LinesSoFar
    ) async -> DoctorFindings {
        guard let region = user.region else { return noRegion("EC2", "ec2_sd_configs", job) }
        soFar.add(.ok("region", of: job, region))
        let client = user.aws.client(
            region: region, credentials: user.chain, profile: entry.profile, endpoint: entry.endpoint)
        await EC2PermissionProbe(client: client).run { soFar.add($0.line(job: job)) }
        return DoctorFindings(soFar.lines)
    }

    /// Nil where it is in another region, or may be another account's.
    private func ownCluster(for entry: ECSSDConfiguration, region: String) async -> String? {
        guard let metadata = aws.taskMetadata() else { return nil }
        // Where the task does not know its cluster, the doctor asks for all clusters, as the agent does.
        guard let cluster = try? await metadata.task().clusterARN else { return nil }
        let parts = cluster.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count > 5, parts[3] != region { return nil }
        let account = ECSInventories.account(of: ECSSDConfiguration(roleARN: entry.roleARN))
        return account == nil || parts.count > 5 && account == String(parts[4]) ? cluster : nil
    }

    // MARK: - Targets

    /// Discovers a job's targets as `narthex discover` does, and scrapes some of them.
    func check(
        _ job: ScrapeConfiguration, externalLabels: LabelSet, _ source: DoctorSource
    ) async -> DoctorFindings {
        var facts = TargetFacts(job: job.jobName)
        facts.commands = source.commands
        let look: ProviderLook
        do throws(AgentError) {
            var discovery = DiscoverOptions(source: .file(options.agent.configFile, job: job.jobName))
            discovery.environment = options.agent.environment
            look = try await Discoverer(discovery, clock: clock, files: files, output: { _ in }).look(
                at: job, http: http, inventories: inventories, resolver: resolver, workers: workers,
                registry: registry, waitMs: options.lookTimeoutMs)
        } catch {
            facts.failures = [error.message]
            return DoctorFindings([facts.line])
        }
        let found = Discovered(job, await look.look())
        facts.targetCount = found.targets.count
        let faults = found.leftOut.filter(\.isFault)
        facts.leftOutCount = faults.count
        facts.firstLeftOut = faults.first.map { $0.what.isEmpty ? $0.reason : "\($0.what): \($0.reason)" }
        facts.failures = found.failures
        let sample = TargetFacts.sample(of: found.targets.count, limit: options.targetsPerJob)
        facts.triedCount = sample.count
        let http = client(job.http)
        let untaken = await withTaskGroup(of: (Int, Untaken?).self) { group in
            for index in sample {
                let target = found.targets[index]
                group.addTask { (index, await self.fault(of: target, job, externalLabels, http)) }
            }
            var faults: [(Int, Untaken)] = []
            for await (index, fault) in group { if let fault { faults.append((index, fault)) } }
            return faults.sorted { $0.0 < $1.0 }.map(\.1)
        }
        // Until the agent runs, nothing answers at the address of its own status page.
        let own = untaken.filter { isOwn($0, source.ownAddresses) }
        facts.ownURL = own.first.map { HTTPURL.shown($0.fault.url) }
        facts.faults = untaken.filter { !isOwn($0, source.ownAddresses) }.map(\.fault)
        return DoctorFindings(
            [facts.line] + DoctorSource.lines("targets", of: job.jobName, found.warnings),
            targetCount: found.targets.count)
    }

    /// A target whose scrape would not be stored.
    private struct Untaken: Sendable {
        let fault: TargetFacts.Fault
        /// Nothing was reached at all.
        let isUnreached: Bool
    }

    private func isOwn(_ target: Untaken, _ own: OwnAddresses) -> Bool {
        guard target.isUnreached, let url = HTTPURL(target.fault.url) else { return false }
        return own.reached(by: url) != nil
    }

    /// Nil for a target whose scrape would be stored.
    private func fault(
        of target: DiscoveredTarget, _ job: ScrapeConfiguration, _ externalLabels: LabelSet,
        _ http: any HTTPPerforming
    ) async -> Untaken? {
        let scraped = ScrapeTarget(
            url: target.url, labels: target.labels, intervalMs: target.scrapeIntervalMs,
            timeoutMs: min(target.scrapeTimeoutMs, options.scrapeTimeoutMs),
            unixSocketPath: target.unixSocketPath)
        let trial = await ScrapeTrial.run(
            scraped, configuration: job, externalLabels: externalLabels, http: http)
        return trial.refusal.map {
            Untaken(
                fault: TargetFacts.Fault(url: target.url, reason: "\($0)"),
                isUnreached: $0.code == .transport)
        }
    }
}
