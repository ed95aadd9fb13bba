import Configuration

/// Everything that a reload needs and that may fail, found out before anything that runs is touched. What
/// pages show of it is made when it is taken up.
struct PreparedReload: Sendable {
    let configuration: Configuration
    let difference: ConfigurationDifference
    /// By the name of the job, of those that are new or other ones.
    var needs: [String: Parts.JobNeeds] = [:]
    /// By the new name, of destinations that are new or other ones.
    var signings: [String: Parts.Signing] = [:]
}

extension Parts {
    /// Finds out what is new or other in `new`; throws where some of it cannot be had.
    func reload(
        to new: Configuration, from old: Configuration
    ) async throws(AgentError) -> PreparedReload {
        if new.scrapeConfigs.contains(where: { !$0.dnsSDConfigs.isEmpty }) {
            do {
                try resolver.makeWhileRunning()
            } catch {
                throw AgentError(.configuration, "dns_sd_configs: \(error)")
            }
        }
        let difference = ConfigurationDifference(from: old, to: new)
        var prepared = PreparedReload(configuration: new, difference: difference)
        for entry in new.remoteWrites where !difference.equalDestinations.contains(entry.name) {
            prepared.signings[entry.name] = try await signing(entry)
        }
        for index in difference.addedJobs + difference.changedJobs.map(\.index) {
            let job = new.scrapeConfigs[index]
            prepared.needs[job.jobName] = try await needs(of: job, externalLabels: new.global.externalLabels)
        }
        return prepared
    }
}
