public import AWS
public import Platform

/// What EC2 says of the instances of one account and region. Shared by every job that asks with the same
/// credentials: what several ask for by the same filters is asked for once.
public actor EC2Inventory {
    /// How long jobs that ask at the same time share a failure: less than the shortest wait for a retry.
    static let failureFreshNs: UInt64 = 500_000_000
    /// After how long zones are asked for again where that was not allowed, or where the list lacked one.
    static let zonesAgainNs: UInt64 = 600 * 1_000_000_000

    /// Instances as last read.
    struct Reading: Sendable {
        var instances: [EC2Instance]
        /// The ids of availability zones by their names, as far as they are known.
        var zoneIDs: [String: String]
        /// Why ids of zones are missing; nil when none is, or when the list of zones lacks it.
        var zonesFault: AWSError?
    }

    private struct Entry {
        /// Jobs that ask by these filters now.
        var users = 0
        var last: (outcome: Result<Reading, AWSError>, atNs: UInt64)?
        /// Signalled when the reading that goes on has ended; nil while none does.
        var reading: Event?
    }

    private struct Zones {
        var ids: [String: String] = [:]
        var fault: AWSError?
        var askedAtNs: UInt64?
        /// As of an entry.
        var reading: Event?
    }

    /// In targets' labels.
    public nonisolated let region: String
    private let api: any EC2Listing
    nonisolated let clock: any AgentClock
    private var entries: [[EC2Filter]: Entry] = [:]
    private var zones = Zones()

    public init(region: String, api: any EC2Listing, clock: any AgentClock) {
        self.region = region
        self.api = api
        self.clock = clock
    }

    /// How many lists of filters something is remembered of.
    var count: Int { entries.count }

    /// To be called before `read`, and `leave` when the job ends: what nobody asks for is forgotten.
    func join(_ filters: [EC2Filter]) { entries[filters, default: Entry()].users += 1 }

    func leave(_ filters: [EC2Filter]) {
        entries[filters]?.users -= 1
        if let entry = entries[filters], entry.users <= 0 { entries[filters] = nil }
    }

    /// The instances that the filters let through, read at most `freshNs` ago.
    func read(_ filters: [EC2Filter], freshNs: UInt64) async -> Result<Reading, AWSError> {
        while let entry = entries[filters] {
            if let last = entry.last, isFresh(last.outcome, last.atNs, freshNs) { return last.outcome }
            guard let reading = entry.reading else { break }
            guard await reading.wait() == .signalled, !Task.isCancelled else { return .failure(cancelled) }
        }
        let ended = Event()
        entries[filters]?.reading = ended
        let outcome = await ask(filters)
        entries[filters]?.reading = nil
        // One that was cancelled has not read; whoever waits reads by itself.
        if !Task.isCancelled { entries[filters]?.last = (outcome, clock.monotonicNs) }
        ended.signal()
        return outcome
    }

    private func isFresh(
        _ outcome: Result<Reading, AWSError>, _ atNs: UInt64, _ freshNs: UInt64
    ) -> Bool {
        let hasFailed = if case .failure = outcome { true } else { false }
        let limitNs = hasFailed ? min(freshNs, Self.failureFreshNs) : freshNs
        return clock.monotonicNs - atNs <= limitNs
    }

    private var cancelled: AWSError {
        AWSError(.cancelled, message: "cancelled while another job reads", operation: "EC2")
    }

    private func ask(_ filters: [EC2Filter]) async -> Result<Reading, AWSError> {
        do throws(AWSError) {
            let instances = try await api.listInstances(filters)
            let fault = await readZones(for: instances)
            return .success(Reading(instances: instances, zoneIDs: zones.ids, zonesFault: fault))
        } catch {
            return .failure(error)
        }
    }

    /// Asks for the zones when an instance is in one whose id is not known. What they are called in an
    /// account does not change, so they are asked for once, and again when there is a new one.
    private func readZones(for instances: [EC2Instance]) async -> AWSError? {
        while isLacking(instances) {
            guard let reading = zones.reading else { break }
            guard await reading.wait() == .signalled, !Task.isCancelled else { return nil }
        }
        guard isLacking(instances) else { return nil }
        guard areZonesDue else { return zones.fault }
        let ended = Event()
        zones.reading = ended
        do throws(AWSError) {
            zones.ids = try await api.availabilityZoneIDs()
            zones.fault = nil
            zones.askedAtNs = clock.monotonicNs
        } catch {
            if error.code != .cancelled {
                zones.fault = error
                zones.askedAtNs = clock.monotonicNs
            }
        }
        zones.reading = nil
        ended.signal()
        return isLacking(instances) ? zones.fault : nil
    }

    private func isLacking(_ instances: [EC2Instance]) -> Bool {
        instances.contains { $0.details?.availabilityZone.map { zones.ids[$0] == nil } ?? false }
    }

    /// A refusal stays one for a while, as does a list without the zone; anything else may pass.
    private var areZonesDue: Bool {
        guard let askedAtNs = zones.askedAtNs else { return true }
        if let fault = zones.fault, fault.mayPass { return true }
        return clock.monotonicNs - askedAtNs >= Self.zonesAgainNs
    }
}
