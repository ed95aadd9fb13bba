import Configuration

/// What a reload has to do: how one configuration differs from the one that runs. Typed values are compared,
/// with every default filled in, so comments, the order of keys and defaults that are written out make no
/// difference.
struct ConfigurationDifference: Sendable, Equatable {
    /// What changed of a job that both configurations have.
    struct JobChange: Sendable, Equatable {
        var name: String
        /// Where the job stands in the new configuration.
        var index: Int
        /// True where the way changed in which targets are scraped or labelled, so that each target needs a
        /// new loop. False where only the making of targets changed: a target that comes out equal keeps its
        /// loop.
        var isScraping: Bool
        /// What is discovered is as before: the providers go on.
        var keepsProviders: Bool
    }

    /// A destination that goes on under another name, as its URL changed and the name is made of it.
    struct Rename: Sendable, Equatable {
        var old: String
        var new: String
    }

    /// Names of jobs that go on untouched.
    private(set) var equalJobs: [String] = []
    private(set) var changedJobs: [JobChange] = []
    /// Indices in the new configuration.
    private(set) var addedJobs: [Int] = []
    private(set) var removedJobs: [String] = []
    /// Every series gets other labels.
    let hasNewExternalLabels: Bool

    /// Names of destinations that go on untouched.
    private(set) var equalDestinations: [String] = []
    /// Names of those that go on with the same cursor and other options.
    private(set) var changedDestinations: [String] = []
    private(set) var addedDestinations: [String] = []
    private(set) var removedDestinations: [String] = []
    private(set) var rename: Rename?

    init(from old: Configuration, to new: Configuration) {
        hasNewExternalLabels = old.global.externalLabels != new.global.externalLabels
        compareJobs(old.scrapeConfigs, new.scrapeConfigs)
        compareDestinations(old.remoteWrites, new.remoteWrites)
    }

    /// Nothing is to be done.
    var isEmpty: Bool {
        changedJobs.isEmpty && addedJobs.isEmpty && removedJobs.isEmpty && changedDestinations.isEmpty
            && addedDestinations.isEmpty && removedDestinations.isEmpty && rename == nil
    }

    private mutating func compareJobs(_ old: [ScrapeConfiguration], _ new: [ScrapeConfiguration]) {
        let known = Dictionary(old.map { ($0.jobName, $0) }, uniquingKeysWith: { first, _ in first })
        for (index, job) in new.enumerated() {
            guard let before = known[job.jobName] else {
                addedJobs.append(index)
                continue
            }
            guard before != job || hasNewExternalLabels else {
                equalJobs.append(job.jobName)
                continue
            }
            changedJobs.append(
                JobChange(
                    name: job.jobName, index: index,
                    isScraping: hasNewExternalLabels || !Self.isScrapedAlike(before, job),
                    keepsProviders: Self.isDiscoveredAlike(before, job)))
        }
        let names = Set(new.map(\.jobName))
        removedJobs = old.map(\.jobName).filter { !names.contains($0) }
    }

    /// Whether two jobs scrape a target of the same URL, labels, interval and timeout in the same way.
    private static func isScrapedAlike(_ one: ScrapeConfiguration, _ other: ScrapeConfiguration) -> Bool {
        // What makes targets is put aside, and everything else is compared, keys of the future among it.
        var one = one
        one.scrapeIntervalMs = other.scrapeIntervalMs
        one.scrapeTimeoutMs = other.scrapeTimeoutMs
        one.metricsPath = other.metricsPath
        one.scheme = other.scheme
        one.params = other.params
        one.relabelRules = other.relabelRules
        one.keepDroppedTargets = other.keepDroppedTargets
        one.targetLimit = other.targetLimit
        one.staticConfigs = other.staticConfigs
        one.fileSDConfigs = other.fileSDConfigs
        one.httpSDConfigs = other.httpSDConfigs
        one.dnsSDConfigs = other.dnsSDConfigs
        one.ecsSDConfigs = other.ecsSDConfigs
        one.ec2SDConfigs = other.ec2SDConfigs
        return one == other
    }

    /// Whether the providers of two jobs find the same.
    private static func isDiscoveredAlike(_ one: ScrapeConfiguration, _ other: ScrapeConfiguration) -> Bool {
        // A provider for ECS is given the path as the default of what Docker labels say.
        one.metricsPath == other.metricsPath && one.staticConfigs == other.staticConfigs
            && one.fileSDConfigs == other.fileSDConfigs && one.httpSDConfigs == other.httpSDConfigs
            && one.dnsSDConfigs == other.dnsSDConfigs && one.ecsSDConfigs == other.ecsSDConfigs
            && one.ec2SDConfigs == other.ec2SDConfigs
    }

    private mutating func compareDestinations(
        _ old: [RemoteWriteConfiguration], _ new: [RemoteWriteConfiguration]
    ) {
        rename = Self.rename(old, new)
        let known = Dictionary(old.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for entry in new where entry.name != rename?.new {
            guard let before = known[entry.name] else {
                addedDestinations.append(entry.name)
                continue
            }
            if before == entry {
                equalDestinations.append(entry.name)
            } else {
                changedDestinations.append(entry.name)
            }
        }
        let names = Set(new.map(\.name))
        removedDestinations = old.map(\.name).filter { !names.contains($0) && $0 != rename?.old }
    }

    /// The one entry without a name of its own whose URL changed, where nothing else of the list did.
    private static func rename(
        _ old: [RemoteWriteConfiguration], _ new: [RemoteWriteConfiguration]
    ) -> Rename? {
        guard old.count == new.count else { return nil }
        let differing = zip(old, new).filter { $0 != $1 }
        guard differing.count == 1, let (before, after) = differing.first, before.isUnnamed, after.isUnnamed,
            before.url != after.url
        else { return nil }
        var expected = before
        expected.url = after.url
        expected.name = after.name
        return expected == after ? Rename(old: before.name, new: after.name) : nil
    }
}
