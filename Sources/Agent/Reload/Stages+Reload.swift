import Configuration
import Logging
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
    func apply(_ prepared: PreparedReload, logger: Logger) async throws(AgentError) {
        try await changeDestinations(prepared, logger)
        changeJobs(prepared)
        running.withLock { $0.configuration = prepared.configuration }
    }

    private func changeDestinations(
        _ prepared: PreparedReload, _ logger: Logger
    ) async throws(AgentError) {
        let (new, difference) = (prepared.configuration, prepared.difference)
        let entries = Dictionary(new.remoteWrites.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        var runners = Dictionary(destinations.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        func run(_ name: String, _ destination: BufferDestination) {
            guard let entry = entries[name], let signing = prepared.signings[name] else {
                preconditionFailure("what is new or other was prepared")
            }
            let runner = parts.runner(entry, destination, signing)
            runners[name] = runner
            begin(runner)
        }
        var begun: [(name: String, destination: BufferDestination)] = []
        do throws(AgentError) {
            for name in difference.addedDestinations {
                let lanes = entries[name].map { Parts.laneCount($0.queue) } ?? 1
                begun.append((name, try await beginDestination(name, lanes)))
            }
            if let rename = difference.rename, let old = runners.removeValue(forKey: rename.old) {
                let destination = try await self.rename(old, to: rename.new, logger)
                run(rename.new, destination)
            }
        } catch {
            for (name, _) in begun { _ = await buffer.retireDestination(name) }
            throw error
        }
        parts.exemplars.isOn = new.sendsExemplars
        for (name, destination) in begun { run(name, destination) }
        for name in difference.changedDestinations {
            guard let old = runners[name] else { continue }
            await old.end()
            old.destination.rewind()
            if entries[name]?.url != old.entry.url { parts.forgetFigures(ofDestination: name) }
            run(name, old.destination)
        }
        for name in difference.removedDestinations {
            if let old = runners.removeValue(forKey: name) { await retire(old, logger) }
        }
        let all = new.remoteWrites.compactMap { runners[$0.name] }
        precondition(all.count == new.remoteWrites.count, "every destination has a writer")
        running.withLock { $0.destinations = all }
    }

    private func beginDestination(
        _ name: String, _ lanes: Int
    ) async throws(AgentError) -> BufferDestination {
        do {
            return try await buffer.beginDestination(name, lanes: lanes)
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
                metadata: ["remote_name": "\(name)", "was": "\(old.name)"])
            return destination
        } catch {
            old.destination.rewind()
            let again = parts.runner(old.entry, old.destination, old.signing)
            running.withLock { running in
                for index in running.destinations.indices where running.destinations[index] === old {
                    running.destinations[index] = again
                }
            }
            begin(again)
            throw AgentError(
                .storage, "--storage.agent.path: the cursor of a changed URL cannot be carried over: \(error)"
            )
        }
    }

    private func retire(_ runner: DestinationRunner, _ logger: Logger) async {
        await runner.end()
        let backlog = await buffer.retireDestination(runner.name)
        parts.forgetFigures(ofDestination: runner.name)
        // Together they are no more than what was ever appended.
        let samples = backlog.values.reduce(0, &+)
        AgentMetrics.retiredSamples(in: registry).add(samples)
        logger.log(
            level: samples > 0 ? .warning : .info,
            "a destination is no longer configured: its cursor is removed, and what was buffered for it goes",
            metadata: [
                "remote_name": "\(runner.name)", "samples": .stringConvertible(samples),
            ])
    }

    private func changeJobs(_ prepared: PreparedReload) {
        let difference = prepared.difference
        var runners = Dictionary(jobs.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        for name in difference.removedJobs { runners.removeValue(forKey: name)?.end() }
        for changed in prepared.changedJobs {
            runners[changed.change.name]?.change(
                changed.job, changed.plan, renewsLoops: changed.change.isScraping,
                discovery: changed.discovery)
        }
        for job in prepared.addedJobs { runners[job.name] = job }
        let all = prepared.configuration.scrapeConfigs.compactMap { runners[$0.jobName] }
        precondition(all.count == prepared.configuration.scrapeConfigs.count, "every job has a runner")
        running.withLock { $0.jobs = all }
        for job in prepared.addedJobs { begin(job) }
    }
}
