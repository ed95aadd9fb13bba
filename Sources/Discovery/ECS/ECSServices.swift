import AWS

/// The services that a cluster's tasks name, as far as they are known; each asked for when a task of it is
/// first seen, and again once in a while, as tags change.
struct ECSServices: Sendable {
    /// How long a service's tags stand before they are asked for again.
    static let ageNs: UInt64 = 300 * 1_000_000_000

    private struct Known: Sendable {
        /// Nil: ECS does not have it.
        var service: ECSService?
        var atNs: UInt64
    }

    private var known: [String: Known] = [:]

    /// By name.
    var found: [String: ECSService] { known.compactMapValues(\.service) }
    /// Those that ECS was asked for and does not have.
    var absent: Set<String> { Set(known.filter { $0.value.service == nil }.keys) }

    /// How old a service may be that is not asked for now. When one is due for its age, those that will be
    /// soon go along, so that calls stay full.
    func allowedAgeNs(nowNs: UInt64) -> UInt64 {
        known.values.contains { nowNs - min($0.atNs, nowNs) >= Self.ageNs } ? Self.ageNs / 2 : Self.ageNs
    }

    /// Whether a service is to be asked for: it is new, or as old as that.
    func isDue(_ name: String, ageNs: UInt64, nowNs: UInt64) -> Bool {
        known[name].map { nowNs - min($0.atNs, nowNs) >= ageNs } ?? true
    }

    /// The answer to the question for `names`.
    mutating func set(_ names: [String], _ services: [ECSService], nowNs: UInt64) {
        let byName = Dictionary(services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for name in names { known[name] = Known(service: byName[name], atNs: nowNs) }
    }

    mutating func keep(only names: Set<String>) { known = known.filter { names.contains($0.key) } }
}
