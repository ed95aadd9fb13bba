import AWS

/// The services that a cluster's tasks name, as far as they are known; each asked for when a task of it is
/// first seen, and again once in a while, as tags change.
struct ECSServices: Sendable {
    /// How long a service's tags stand before they are asked for again.
    static let ageNs: UInt64 = 300 * 1_000_000_000

    /// After how many answers in a row without a service it is believed that ECS does not have it.
    static let absentAfter = 2

    private struct Known: Sendable {
        /// As last told of.
        var service: ECSService?
        /// How many answers have lacked it since.
        var lackingCount = 0
        var atNs: UInt64

        var isAbsent: Bool { lackingCount >= ECSServices.absentAfter }
    }

    private var known: [String: Known] = [:]

    /// By name.
    var found: [String: ECSService] { known.compactMapValues { $0.isAbsent ? nil : $0.service } }
    /// Those that ECS was asked for and does not have.
    var absent: Set<String> { Set(known.filter(\.value.isAbsent).keys) }

    /// How old a service may be that is not asked for now. When one is due for its age, those that will be
    /// soon go along, so that calls stay full.
    func allowedAgeNs(nowNs: UInt64) -> UInt64 {
        known.values.contains { nowNs - min($0.atNs, nowNs) >= Self.ageNs } ? Self.ageNs / 2 : Self.ageNs
    }

    /// Whether a service is to be asked for: it is new, or as old as that, or one answer has lacked it.
    func isDue(_ name: String, ageNs: UInt64, nowNs: UInt64) -> Bool {
        guard let known = known[name] else { return true }
        return known.lackingCount > 0 && !known.isAbsent || nowNs - min(known.atNs, nowNs) >= ageNs
    }

    /// The answer to the question for `names`.
    mutating func set(_ names: [String], _ services: [ECSService], nowNs: UInt64) {
        let byName = Dictionary(services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for name in names {
            let before = known[name]
            known[name] =
                byName[name].map { Known(service: $0, atNs: nowNs) }
                ?? Known(
                    service: before?.service,
                    lackingCount: min((before?.lackingCount ?? 0) + 1, Self.absentAfter), atNs: nowNs)
        }
    }

    mutating func keep(only names: Set<String>) { known = known.filter { names.contains($0.key) } }
}
