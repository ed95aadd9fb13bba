import Configuration
import Discovery
import Scrape

/// Everything that a reload needs, found out and made before anything that runs is touched.
struct PreparedReload: Sendable {
    /// A job that goes on in another way.
    struct ChangedJob: Sendable {
        let change: ConfigurationDifference.JobChange
        let job: ScrapeConfiguration
        let plan: ScrapePlan
        /// Nil: the providers go on.
        let discovery: DiscoveryManager?
    }

    let configuration: Configuration
    let difference: ConfigurationDifference
    var addedJobs: [JobRunner] = []
    var changedJobs: [ChangedJob] = []
    /// By the new name, of destinations that are new or other ones.
    var signings: [String: Parts.Signing] = [:]

    /// How long the targets that a job has are scraped on while its new providers have not all answered: many
    /// answers of ECS and of slow web servers fit in, and one that hangs holds up the others no longer.
    static let providerWaitMs: Int64 = 30_000
}

extension Parts {
    /// Makes what is new or other in `new`; throws where some of it cannot be had.
    func reload(
        to new: Configuration, from old: Configuration
    ) async throws(AgentError) -> PreparedReload {
        let difference = ConfigurationDifference(from: old, to: new)
        do throws(AgentError) {
            return try await made(new, difference)
        } catch {
            // What was made so far may have shown figures.
            for index in difference.addedJobs { forgetFigures(ofJob: new.scrapeConfigs[index].jobName) }
            throw error
        }
    }

    private func made(
        _ new: Configuration, _ difference: ConfigurationDifference
    ) async throws(AgentError) -> PreparedReload {
        if new.scrapeConfigs.contains(where: { !$0.dnsSDConfigs.isEmpty }) {
            do {
                try resolver.makeWhileRunning()
            } catch {
                throw AgentError(.configuration, "dns_sd_configs: \(error)")
            }
        }
        let labels = new.global.externalLabels
        var prepared = PreparedReload(configuration: new, difference: difference)
        for entry in new.remoteWrites where !difference.equalDestinations.contains(entry.name) {
            prepared.signings[entry.name] = try await signing(entry)
        }
        for index in difference.addedJobs {
            prepared.addedJobs.append(try await job(new.scrapeConfigs[index], externalLabels: labels))
        }
        for change in difference.changedJobs {
            let job = new.scrapeConfigs[change.index]
            var fresh: DiscoveryManager?
            if !change.keepsProviders {
                fresh = try await discovery(job, firstWaitMs: PreparedReload.providerWaitMs)
            }
            let scraping = try plan(job, externalLabels: labels)
            prepared.changedJobs.append(
                .init(
                    change: change, job: job, plan: scraping, discovery: fresh))
        }
        return prepared
    }
}
