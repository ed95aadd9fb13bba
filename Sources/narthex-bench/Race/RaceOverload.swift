import Platform
import StandIns

/// The measured time of the scenario `overload`: a third of it with the targets of the plan, a third with a
/// longer list of them, and the first list again until the agent has recovered, or is given up.
struct RaceOverload {
    let plan: RacePlan
    private let clock = SystemClock()

    init(_ plan: RacePlan) { self.plan = plan }

    /// Returns how many scrapes of the targets that were added were due.
    func live(
        _ course: inout RaceCourse, _ meter: inout RaceMeter, _ result: inout RaceResult
    ) async throws -> Double {
        let intervalMs = Int64(plan.intervalSeconds) * 1_000
        var watch = RecoveryWatch(
            exporters: plan.answering(plan.targets, of: plan.longTargets), intervalMs: intervalMs,
            ages: meter.first.ages)
        var second = 0
        while second < plan.eventAt { second += try await step(&course, &meter, &watch) }
        watch.setBounds()

        let (agesBefore, pointsBefore) = (watch.ages, meter.points.count)
        let longerMs = try lengthen(course.fleet)
        while second < plan.eventAt * 2 { second += try await step(&course, &meter, &watch) }
        let points = meter.points[pointsBefore...]
        result.figures[.overloadSamplesPerSecond] =
            points.reduce(0) { $0 + $1.samplesPerSecond } / Double(max(1, points.count))
        result.figures[.overloadLag99Seconds] =
            Double(watch.ages.since(agesBefore).quantile(0.99)) / 1_000

        try course.fleet.giveTargets(first: plan.targets)
        let shorterMs = clock.wallMs
        // A scrape that is in hand when its target goes may be thrown away, up to its timeout before.
        course.ends.removal = DeliveryCheck.Removal(
            firstExporter: plan.targets,
            fromMs: shorterMs - min(StandInFleet.longestTimeoutMs, intervalMs))
        let overloadMs = Int(shorterMs - longerMs)
        let served = course.watch.pages.count { (longerMs..<shorterMs).contains($0.endMs) }
        result.figures[.overloadScrapedShare] =
            Double(served) / plan.scrapesDue(inMs: overloadMs, targets: plan.longTargets)

        while second < plan.seconds
            || (!watch.hasRecovered(nowMs: clock.wallMs) && second < plan.seconds + plan.settleSeconds)
        {
            second += try await step(&course, &meter, &watch)
        }
        book(watch, shorterMs: shorterMs, &result)
        noteWhenSeen(course.watch.pages, longerMs: longerMs, shorterMs: shorterMs, &result)
        result.figures[.endRSSMiB] = meter.points.suffix(plan.intervalSeconds).reduce(0) { sum, point in
            sum + point.rssMiB / Double(min(plan.intervalSeconds, meter.points.count))
        }
        return plan.scrapesDue(inMs: overloadMs, targets: plan.longTargets)
            - plan.scrapesDue(inMs: overloadMs, targets: plan.targets)
    }

    /// Shows the agent the longer list, and returns when it was there.
    private func lengthen(_ fleet: StandInFleet) throws -> Int64 {
        try fleet.giveTargets(first: plan.longTargets)
        return clock.wallMs
    }

    /// Waits for the next second and looks at everything. Returns how many seconds went by.
    private func step(
        _ course: inout RaceCourse, _ meter: inout RaceMeter, _ watch: inout RecoveryWatch
    ) async throws -> Int {
        let seconds = try await course.pace.next()
        try await meter.look()
        watch.note(try await course.lookAtPages())
        watch.note(try await course.fleet.sampleAges(course.probe), nowMs: clock.wallMs)
        return seconds
    }

    private func book(_ watch: RecoveryWatch, shorterMs: Int64, _ result: inout RaceResult) {
        func seconds(_ ms: Int64) -> Double { Double(max(0, ms - shorterMs)) / 1_000 }
        let nowMs = clock.wallMs
        if watch.isPunctual(nowMs: nowMs) {
            result.figures[.punctualAfterSeconds] = seconds(watch.lateScrapeMs)
        } else {
            result.notes.append("scrapes were still late when it was given up")
        }
        if watch.isLagBack(nowMs: nowMs) {
            result.figures[.lagBackAfterSeconds] = seconds(watch.lateSamplesMs)
        } else {
            result.notes.append("samples still came late when it was given up")
        }
    }

    /// Agents look at the file of their targets in their own time.
    private func noteWhenSeen(
        _ pages: [ServedPage], longerMs: Int64, shorterMs: Int64, _ result: inout RaceResult
    ) {
        let added = pages.filter { $0.exporter >= plan.targets }
        guard let first = added.map(\.endMs).min(), let last = added.map(\.endMs).max() else {
            result.notes.append("scraped none of the targets that were added")
            return
        }
        func text(_ ms: Int64) -> String { RaceColumn.text(Double(max(0, ms)) / 1_000, decimals: 1) }
        result.notes.append(
            "scraped an added target \(text(first - longerMs)) s after the list was longer, and one "
                + "for the last time \(text(last - shorterMs)) s after it was short again")
    }
}
