import Configuration
import Discovery
import Logging
import Platform
import Scrape
import Synchronization
import Telemetry
import WriteAheadBuffer

/// Changes of jobs and destinations while they run.
extension Stages {
    /// Makes a configuration the one that runs. One call at a time, in a task that nobody cancels, and not
    /// while the stages end. After a throw everything goes on as before.
    ///
    /// Steps that may fail come first: the cursors of new destinations, then the one that takes another name.
    /// `settled` is run behind them and before jobs begin or change.
    func apply(
        _ prepared: PreparedReload, logger: Logger, settled: () async -> Void
    ) async throws(AgentError) {
        try await changeDestinations(prepared, logger)
        await settled()
        changeJobs(prepared)
        running.withLock { $0.configuration = prepared.configuration }
    }

    private func changeDestinations(
        _ prepared: PreparedReload, _ logger: Logger
    ) async throws(AgentError) {
        let (new, difference) = (prepared.configuration, prepared.difference)
        let entries = Dictionary(new.remoteWrites.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        func runner(_ name: String, _ destination: BufferDestination) async -> DestinationRunner {
            guard let entry = entries[name], let signing = prepared.signings[name] else {
                preconditionFailure("what is new or other was prepared")
            }
            return await parts.runner(entry, destination, signing)
        }
        var begun: [(name: String, destination: BufferDestination)] = []
        do throws(AgentError) {
            for name in difference.addedDestinations {
                begun.append((name, try await beginDestination(name)))
            }
            if let rename = difference.rename, let old = destinations.first(where: { $0.name == rename.old })
            {
                let destination = try await self.rename(old, to: rename.new, logger)
                replace(old, by: await runner(rename.new, destination))
            }
        } catch {
            for (name, _) in begun { _ = await buffer.retireDestination(name) }
            throw error
        }
        parts.exemplars.isOn = new.sendsExemplars
        parts.details.isOn = new.sendsDetails
        for (name, destination) in begun { replace(nil, by: await runner(name, destination)) }
        for old in destinations where difference.changedDestinations.contains(old.name) {
            await restart(old, hasOtherURL: entries[old.name]?.url != old.entry.url) { destination in
                await runner(old.name, destination)
            }
        }
        for old in destinations where difference.removedDestinations.contains(old.name) {
            await retire(old, logger)
        }
        let order = Dictionary(
            new.remoteWrites.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { $1 })
        running.withLock { running in
            running.destinations.sort { order[$0.name, default: 0] < order[$1.name, default: 0] }
            precondition(
                running.destinations.map(\.name) == new.remoteWrites.map(\.name),
                "every destination has a writer")
        }
    }

    /// Puts a sender in the place of another, or behind all, so that pages show it, and lets it begin.
    private func replace(_ old: DestinationRunner?, by new: DestinationRunner) {
        running.withLock { running in
            if let index = running.destinations.firstIndex(where: { $0 === old }) {
                running.destinations[index] = new
            } else {
                running.destinations.append(new)
            }
        }
        begin(new)
    }

    /// Goes on with the cursor of `old` in another sender.
    private func restart(
        _ old: DestinationRunner, hasOtherURL: Bool, _ made: (BufferDestination) async -> DestinationRunner
    ) async {
        await old.end()
        if hasOtherURL { parts.forgetFigures(ofDestination: old.name) }
        await parts.workers.run { old.destination.rewind() }
        replace(old, by: await made(old.destination))
    }

    private func beginDestination(_ name: String) async throws(AgentError) -> BufferDestination {
        do {
            return try await buffer.beginDestination(name)
        } catch {
            throw AgentError(.storage, "--storage.agent.path: remote_write \(name) cannot begin: \(error)")
        }
    }

    /// Carries a cursor over to another name; where that fails the destination goes on as it was.
    private func rename(
        _ old: DestinationRunner, to name: String, _ logger: Logger
    ) async throws(AgentError) -> BufferDestination {
        await old.end()
        do {
            let destination = try await buffer.renameDestination(old.name, to: name)
            parts.forgetFigures(ofDestination: old.name)
            logger.info(
                "the URL of a destination changed: what is buffered for the old one goes to the new one",
                metadata: [
                    "remote_name": "\(name)", "was": "\(old.name)",
                    "samples": .stringConvertible(destination.sampleCounts.open),
                ])
            return destination
        } catch {
            await restart(old, hasOtherURL: false) {
                await parts.runner(old.entry, $0, old.signing)
            }
            throw AgentError(
                .storage, "--storage.agent.path: the cursor of a changed URL cannot be carried over: \(error)"
            )
        }
    }

    private func retire(_ runner: DestinationRunner, _ logger: Logger) async {
        await runner.end()
        let others = running.withLock { running in
            running.destinations.removeAll { $0 === runner }
            return !running.destinations.isEmpty
        }
        let backlog = await buffer.retireDestination(runner.name)
        parts.forgetFigures(ofDestination: runner.name)
        // Together they are no more than what was ever appended.
        let samples = backlog.values.reduce(0, &+)
        AgentMetrics.retiredSamples(in: registry).add(samples)
        var metadata: Logger.Metadata = [
            "remote_name": "\(runner.name)", "samples": .stringConvertible(samples),
        ]
        guard samples > 0 else {
            logger.info(
                "a destination is no longer configured: no samples wait for it, and its cursor is removed",
                metadata: metadata)
            return
        }
        metadata["remedy"] = """
            \(FormerDestination.remedy(besideOthers: others)). One that is new with a reload is sent what is \
            scraped from then on
            """
        logger.warning("\(FormerDestination.isSentNoMore)", metadata: metadata)
    }

    /// Pages show the jobs of one configuration, whole, so all of it is done under the lock.
    private func changeJobs(_ prepared: PreparedReload) {
        let (difference, jobs) = (prepared.difference, prepared.configuration.scrapeConfigs)
        let added = running.withLock { running in
            var runners = Dictionary(running.jobs.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
            for name in difference.removedJobs { runners.removeValue(forKey: name)?.end() }
            for change in difference.changedJobs {
                let job = jobs[change.index]
                guard let runner = runners[job.jobName], let needs = prepared.needs[job.jobName] else {
                    preconditionFailure("what is other was prepared")
                }
                runner.change(
                    job, needs.plan, renewsLoops: change.isScraping,
                    providers: change.keepsProviders
                        ? nil : parts.providers(job, needs, beside: runner.discovery.providers))
            }
            let added = difference.addedJobs.map { index in
                guard let needs = prepared.needs[jobs[index].jobName] else {
                    preconditionFailure("what is new was prepared")
                }
                return parts.job(jobs[index], needs)
            }
            for job in added { runners[job.name] = job }
            running.jobs = jobs.compactMap { runners[$0.jobName] }
            precondition(running.jobs.count == jobs.count, "every job has a runner")
            return added
        }
        for job in added { begin(job) }
    }
}
