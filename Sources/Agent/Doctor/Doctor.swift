import Configuration
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
        /// What it hands over before it ends is told where it does not end in time.
        let work: @Sendable (LinesSoFar) async -> DoctorFindings
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
        let startNs = clock.monotonicNs
        let endNs = clock.deadlineNs(inMs: options.timeoutMs)
        // First, as it raises the limit of open files: each job's targets are connected to.
        let machine = MachineFacts.current(files: files)
        // The disk needs no configuration, and a source that hangs must not cost it its time.
        async let disk = finding(
            of: storageCheck, clock.deadlineNs(inMs: options.storageTimeoutMs ?? options.timeoutMs))
        let source = DoctorSource(options: options, clock: clock, files: files)
        let loaded = await BoundedWork.value(
            untilNs: clock.deadlineNs(inMs: options.readTimeoutMs), clock: clock
        ) { await source.read() }
        var lines: [DoctorLine]
        var reading: DoctorSource.Reading?
        switch loaded {
        case .success(let found)?:
            reading = found
            lines = [
                .ok(
                    "configuration",
                    "\(source.name) is read: \(Self.count(found.configuration.scrapeConfigs.count, "job")), "
                        + Self.count(found.configuration.remoteWrites.count, "destination"))
            ]
        case .failure(let error)?: lines = [source.line(error)]
        case nil: lines = [late("configuration")]
        }
        lines += DoctorSource.lines("configuration", options.remarks + (reading?.remarks ?? []))
        // Whoever signs calls needs a region: looked up in files and, on a machine of AWS, by its metadata.
        let goneMs = Int64(clamping: (clock.monotonicNs - startNs) / 1_000_000)
        let asked = await BoundedWork.value(
            untilNs: clock.deadlineNs(inMs: max(0, options.timeoutMs - goneMs) / 2), clock: clock
        ) { [self, reading] in
            await checks(reading, source)
        }
        if asked == nil { lines.append(late("region")) }
        let findings = await findings(of: asked ?? [], endNs) + [disk]
        return report(lines, reading?.configuration, findings, machine)
    }

    // MARK: - The checks

    private var storageCheck: Check {
        let path = options.agent.storagePath
        let probe = StorageProbe(files: files, clock: clock)
        // A pool of its own: a disk that does not answer keeps its thread.
        let disk = WorkerPool(name: "disk", threads: 1)
        let bytes = options.agent.retentionMaxBytes
        return Check(name: StorageFacts.check) { _ in
            DoctorFindings(await disk.run { probe.facts(path) }.lines(retentionBytes: bytes))
        }
    }

    /// What is asked over the network; without a configuration only who would read one.
    private func checks(_ reading: DoctorSource.Reading?, _ source: DoctorSource) async -> [Check] {
        let files = reading.map { CompanionFiles(companions: $0.companions, files: self.files) }
        let access = await DoctorAccess(options, clock: clock, files: files ?? self.files)
        var users: [DoctorAccess.AWSUser] = []
        var others: [Check] = []
        for role in source.readers() { users.append(await access.user(role)) }
        for entry in reading?.configuration.remoteWrites ?? [] {
            let user = await access.user(entry)
            if let user { users.append(user) }
            others.append(
                Check(name: "destination", subject: DestinationFacts(entry).name) { _ in
                    await access.check(entry, as: user)
                })
        }
        for job in reading?.configuration.scrapeConfigs ?? [] {
            for entry in job.ecsSDConfigs {
                let user = await access.user(entry, job: job.jobName)
                users.append(user)
                others.append(
                    Check(name: "ecs", subject: job.jobName) { soFar in
                        await access.check(entry, job: job.jobName, as: user, soFar)
                    })
            }
            for entry in job.ec2SDConfigs {
                let user = await access.user(entry, job: job.jobName)
                users.append(user)
                others.append(
                    Check(name: "ec2", subject: job.jobName) { soFar in
                        await access.check(entry, job: job.jobName, as: user, soFar)
                    })
            }
        }
        let labels = reading?.configuration.global.externalLabels
        for job in reading?.configuration.scrapeConfigs ?? [] {
            guard let labels else { continue }
            others.append(
                Check(name: "targets", subject: job.jobName) { _ in
                    await access.check(job, externalLabels: labels, source)
                })
        }
        return Self.grouped(users).map { same in
            Check(name: IdentityFacts.check, subject: same.map(\.name).joined(separator: ", ")) { _ in
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
                group.addTask { [self] in (index, await finding(of: check, endNs)) }
            }
            var found: [(Int, DoctorFindings)] = []
            for await finding in group { found.append(finding) }
            return found.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func finding(of check: Check, _ endNs: UInt64) async -> DoctorFindings {
        let soFar = LinesSoFar()
        let found = await BoundedWork.value(untilNs: endNs, clock: clock) { await check.work(soFar) }
        return found ?? DoctorFindings(soFar.lines + [late(check.name, of: check.subject)])
    }

    private func late(_ check: String, of subject: String = "") -> DoctorLine {
        .wrong(
            check, of: subject, "there was no answer in time",
            remedy: "look at the network or the disk that it hangs in; --timeout gives everything more time")
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
