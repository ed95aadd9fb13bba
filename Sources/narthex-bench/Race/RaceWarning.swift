/// What a reader of the figures is to be warned of.
enum RaceWarning {
    /// Cores from which on the stand-ins may be what limits an agent: a core is all that one of their two
    /// parts can use, and other programs need some of it.
    static let standInsCores = 0.8
    /// Seconds from which on an answer to the harness says that the stand-ins had fallen behind.
    static let standInsAnswerSeconds = 1.0

    /// That the stand-ins were near their limit, and what helps; nil when they had time.
    static func standIns(_ figures: [RaceColumn: Double], _ plan: RacePlan) -> String? {
        let cores = figures[.standInsCores] ?? 0
        let answer = figures[.standInsAnswerSeconds] ?? 0
        guard cores >= standInsCores || answer >= standInsAnswerSeconds else { return nil }
        let sharesPages = plan.fleet.contains("--number-sets")
        let help =
            sharesPages || plan.fleet.contains("--distinct")
            ? "fewer targets, fewer series or a longer interval"
            : "--number-sets 16, or fewer targets or a longer interval,"
        return "the stand-ins used \(RaceColumn.standInsCores.text(cores)) cores, and answered a question "
            + "within \(RaceColumn.standInsAnswerSeconds.text(answer)) s at worst: they may be the limit, "
            + "and not the agent; \(help) will tell"
    }
}
