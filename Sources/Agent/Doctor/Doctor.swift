import Configuration
import Logging
public import Platform

/// `narthex doctor`: looks at everything that an agent with this configuration needs, and says what is wrong
/// and what to do. Nothing is changed, stored or sent, but a write without samples to each destination and a
/// file of its own that it tries the disk with.
public struct Doctor: Sendable {
    private let options: DoctorOptions
    private let clock: any AgentClock
    private let files: any FileDoor

    /// A check of its own: it runs beside the others.
    private struct Check: Sendable {
        let name: String
        var subject = ""
        let work: @Sendable () async -> DoctorFindings
    }

    public init(
        _ options: DoctorOptions, clock: any AgentClock = SystemClock(), files: any FileDoor = POSIXFiles()
    ) {
        self.options = options
        self.clock = clock
        self.files = files
    }

    /// Returns after `timeoutMs` at the latest. Checks that hang are left behind: the process is to end soon.
    public func run() async -> DoctorReport {
        let endNs = clock.deadlineNs(inMs: options.timeoutMs)
        // First, as it raises the limit of open files: each job's targets are connected to.
        let machine = MachineFacts.current(files: files)
        let loaded = await bounded(endNs) { [self] in await read() }
        let source: DoctorLine
        var configuration: Configuration?
        switch loaded {
        case .success(let found)?:
            configuration = found
            source = .ok(
                "configuration",
                "\(place) is read: \(Self.count(found.scrapeConfigs.count, "job")), "
                    + Self.count(found.remoteWrites.count, "destination"))
        case .failure(let error)?:
            source = .wrong(
                "configuration", error.message.replacing("\n", with: "; "),
                remedy: "mend that; narthex check-config looks at a file without asking anybody")
        case nil: source = late("configuration")
        }
        let asked = await bounded(endNs) { [self, configuration] in
            await checks(configuration, DoctorAccess(options, clock: clock, files: files))
        }
        // Who asks whom in which region is looked up in files and, on a machine of AWS, by its metadata.
        let early = asked == nil ? [late("region")] : []
        let findings = await findings(of: (asked ?? []) + [storageCheck], endNs)
        return report([source] + early, configuration, findings, machine)
    }

    // MARK: - The configuration

    private func read() async -> Result<Configuration, AgentError> {
        let logger = Logger(label: "doctor")
        do throws(AgentError) {
            if let fault = options.placeFault { throw AgentError(.configuration, fault) }
            if options.agent.remoteWriteURL != nil {
                let source = try await ConfigurationSource.generated(
                    options.agent, clock: clock, files: files)
                return .success(
                    try ConfigurationSource.checked(source, options: options.agent, files: files))
            }
            let reader = ConfigurationReader(options.agent, clock: clock, files: files, logger: logger)
            // Asked once, for whatever version: whoever waits for an answer now wants to know that there is
            // none. No source has the version without parts.
            guard let found = try await reader.read(unless: ConfigurationVersion(parts: [])) else {
                throw AgentError(.configuration, "\(reader.name): the source says that nothing has changed")
            }
            return .success(
                try ConfigurationSource.checked(
                    ConfigurationSource.Source(found), options: options.agent, files: files))
        } catch {
            return .failure(error)
        }
    }

    private var place: String {
        if options.agent.remoteWriteURL != nil { return ConfigurationSource.generatedName }
        return ConfigurationReader(
            options.agent, clock: clock, files: files, logger: Logger(label: "doctor")
        ).name
    }

    private var isReadFromAWS: Bool {
        guard options.agent.remoteWriteURL == nil else { return false }
        // What is no location is read from nowhere, which its line says.
        switch try? ConfigurationLocation(options.agent.configFile) {
        case .object, .parameter, .secret: return true
        default: return false
        }
    }

    // MARK: - The checks

    private var storageCheck: Check {
        let path = options.agent.storagePath
        let probe = StorageProbe(files: files, clock: clock)
        // A pool of its own: a disk that does not answer keeps its thread.
        let disk = WorkerPool(name: "disk", threads: 1)
        let bytes = options.agent.retentionMaxBytes
        return Check(name: StorageFacts.check) {
            DoctorFindings(await disk.run { probe.facts(path) }.lines(retentionBytes: bytes))
        }
    }

    /// What is asked over the network; without a configuration whose location needs credentials, nothing.
    private func checks(_ configuration: Configuration?, _ access: DoctorAccess) async -> [Check] {
        var users: [DoctorAccess.AWSUser] = []
        var others: [Check] = []
        if isReadFromAWS { users.append(await access.usual()) }
        for entry in configuration?.remoteWrites ?? [] {
            let user = await access.user(entry)
            if let user { users.append(user) }
            others.append(
                Check(name: "destination", subject: DestinationFacts(entry).name) {
                    await access.check(entry, as: user)
                })
        }
        for job in configuration?.scrapeConfigs ?? [] {
            for entry in job.ecsSDConfigs {
                let user = await access.user(entry, job: job.jobName)
                users.append(user)
                others.append(
                    Check(name: "ecs", subject: job.jobName) {
                        await access.check(entry, job: job.jobName, as: user)
                    })
            }
        }
        let labels = configuration?.global.externalLabels
        for job in configuration?.scrapeConfigs ?? [] {
            guard let labels else { continue }
            others.append(
                Check(name: "targets", subject: job.jobName) {
                    await access.check(job, externalLabels: labels)
                })
        }
        return Self.grouped(users).map { same in
            Check(name: IdentityFacts.check, subject: same.map(\.name).joined(separator: ", ")) {
                await access.checkIdentity(same)
            }
        } + others
    }

    /// Those with the same credentials together, in the order of the first of each.
    private static func grouped(_ users: [DoctorAccess.AWSUser]) -> [[DoctorAccess.AWSUser]] {
        var groups: [[DoctorAccess.AWSUser]] = []
        for user in users {
            if let index = groups.firstIndex(where: { $0[0].who == user.who }) {
                if !groups[index].contains(where: { $0.name == user.name }) { groups[index].append(user) }
            } else {
                groups.append([user])
            }
        }
        return groups
    }

    /// All at once, in the order of the checks.
    private func findings(of checks: [Check], _ endNs: UInt64) async -> [DoctorFindings] {
        await withTaskGroup(of: (Int, DoctorFindings).self) { group in
            for (index, check) in checks.enumerated() {
                group.addTask { [self] in
                    let found = await bounded(endNs, check.work)
                    return (index, found ?? DoctorFindings([late(check.name, of: check.subject)]))
                }
            }
            var found: [(Int, DoctorFindings)] = []
            for await finding in group { found.append(finding) }
            return found.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func bounded<Value: Sendable>(
        _ endNs: UInt64, _ work: @escaping @Sendable () async -> Value
    ) async -> Value? {
        let untilNs = min(endNs, clock.deadlineNs(inMs: DoctorOptions.checkTimeoutMs))
        return await BoundedWork.value(untilNs: untilNs, clock: clock, work)
    }

    private func late(_ check: String, of subject: String = "") -> DoctorLine {
        .wrong(
            check, of: subject, "there was no answer in time",
            remedy: "look at the network or the disk that it hangs in; --timeout gives the whole more time")
    }

    // MARK: - The report

    private func report(
        _ first: [DoctorLine], _ configuration: Configuration?, _ findings: [DoctorFindings],
        _ machine: MachineFacts
    ) -> DoctorReport {
        let counts = findings.compactMap(\.targetCount)
        let targetCount = counts.count == configuration?.scrapeConfigs.count ? counts.reduce(0, +) : nil
        let clockLine = ClockFacts.line(
            findings.flatMap(\.clocks), isSynchronised: clock.isSynchronised)
        let limits = machine.lines(
            targetCount: targetCount, destinations: configuration?.remoteWrites ?? [])
        return DoctorReport(
            lines: first + findings.flatMap(\.lines) + [clockLine] + limits,
            isConfigured: configuration != nil)
    }

    private static func count(_ count: Int, _ name: String) -> String {
        "\(count) \(name)\(count == 1 ? "" : "s")"
    }
}
