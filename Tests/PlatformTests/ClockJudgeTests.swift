import Platform
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ClockJudgeTests {
    private typealias Event = ClockJudge.Event

    /// The clocks and the kernel's word in the test's hand.
    private struct World {
        static let startMs: Int64 = 1_800_000_000_000
        static let earliestMs = startMs - 86_400_000

        var wallMs: Int64
        var elapsedNs: UInt64 = 5_000_000_000
        var isSynchronised: Bool?
        var asked = 0
        var judge: ClockJudge

        init(wallMs: Int64 = startMs) {
            self.wallMs = wallMs
            judge = ClockJudge(
                .init(wallMs: wallMs, elapsedNs: 5_000_000_000), earliestMs: Self.earliestMs)
        }

        var reading: ClockJudge.Reading { .init(wallMs: wallMs, elapsedNs: elapsedNs) }

        mutating func begin(newestMs: Int64) -> [Event] {
            var asked = asked
            defer { self.asked = asked }
            let answer = isSynchronised
            return judge.begin(newestMs: newestMs, reading) {
                asked += 1
                return answer
            }
        }

        /// Lets so much time pass, sets the clock on by `jumpMs` beyond that, and looks.
        mutating func look(afterMs: Int64 = 0, jumpMs: Int64 = 0) -> [Event] {
            elapsedNs += UInt64(afterMs) * 1_000_000
            wallMs += afterMs + jumpMs
            var asked = asked
            defer { self.asked = asked }
            let answer = isSynchronised
            return judge.look(reading) {
                asked += 1
                return answer
            }
        }
    }

    private static let hourMs: Int64 = 3_600_000

    @Test func aClockThatAdvancesAsTheTimePassesIsFollowed() {
        var world = World()
        for _ in 0..<100 {
            // Slewed, and set by less than is doubted.
            #expect(world.look(afterMs: 60_000, jumpMs: 5_000) == [])
            #expect(world.judge.timeMs == world.wallMs)
            #expect(world.judge.agingMs == world.wallMs)
        }
        #expect(world.asked == 0)
    }

    @Test(arguments: [hourMs, -hourMs]) func aJumpIsFollowedOnceItHasStood(byMs: Int64) {
        var world = World()
        #expect(
            world.look(afterMs: 1_000, jumpMs: byMs) == [
                .jumped(byMs: byMs, wallMs: world.wallMs, isCredible: true)
            ])
        #expect(world.judge.doubtedMs == byMs)
        for _ in 0..<599 {
            #expect(world.look(afterMs: 1_000) == [])
            #expect(world.judge.timeMs == world.wallMs - byMs)
            #expect(world.judge.agingMs == world.wallMs - byMs)
        }
        #expect(world.look(afterMs: 1_000) == [.followed(byMs: byMs, .hasStood)])
        #expect(world.judge.timeMs == world.wallMs)
        #expect(world.judge.doubtedMs == 0)
        #expect(world.look(afterMs: 1_000) == [])
    }

    @Test func aJumpIsFollowedAtOnceWhenTheKernelSaysThatTheClockIsSynchronised() {
        var world = World()
        world.isSynchronised = true
        #expect(
            world.look(afterMs: 1_000, jumpMs: Self.hourMs) == [.followed(byMs: Self.hourMs, .synchronised)])
        #expect(world.judge.timeMs == world.wallMs)
    }

    @Test func aJumpIsFollowedWhenTheKernelSaysSoLater() {
        var world = World()
        world.isSynchronised = false
        _ = world.look(afterMs: 1_000, jumpMs: Self.hourMs)
        #expect(world.look(afterMs: 30_000) == [])
        world.isSynchronised = true
        #expect(world.look(afterMs: 1_000) == [.followed(byMs: Self.hourMs, .synchronised)])
    }

    @Test func theKernelIsAskedOnceASecondAndOnlyInDoubt() {
        var world = World()
        for _ in 0..<50 { _ = world.look(afterMs: 100) }
        #expect(world.asked == 0)
        _ = world.look(jumpMs: Self.hourMs)
        for _ in 0..<50 { _ = world.look(afterMs: 100) }
        #expect(world.asked == 6)
    }

    @Test func aClockThatIsSetBackInTimeLeavesNoTrace() {
        var world = World()
        _ = world.look(afterMs: 1_000, jumpMs: 400 * 24 * Self.hourMs)
        #expect(world.look(afterMs: 599_000) == [])
        #expect(world.look(afterMs: 500, jumpMs: -400 * 24 * Self.hourMs) == [.returned])
        #expect(world.judge.timeMs == World.startMs + 600_500)
        #expect(world.judge.timeMs == world.wallMs)
    }

    @Test func eachJumpStandsForTenMinutesOfItsOwn() {
        var world = World()
        _ = world.look(jumpMs: Self.hourMs)
        _ = world.look(afterMs: 599_000)
        #expect(
            world.look(jumpMs: Self.hourMs) == [
                .jumped(byMs: 2 * Self.hourMs, wallMs: world.wallMs, isCredible: true)
            ])
        #expect(world.look(afterMs: 599_000) == [])
        #expect(world.look(afterMs: 1_000) == [.followed(byMs: 2 * Self.hourMs, .hasStood)])
    }

    @Test(arguments: [true, nil] as [Bool?]) func aTimeBeforeThisVersionIsNeverFollowed(kernel: Bool?) {
        var world = World()
        world.isSynchronised = kernel
        let byMs = -World.startMs
        #expect(
            world.look(jumpMs: byMs) == [.jumped(byMs: byMs, wallMs: 0, isCredible: false)])
        for _ in 0..<3 { #expect(world.look(afterMs: 600_000) == []) }
        #expect(world.judge.timeMs == World.startMs + 1_800_000)
        #expect(world.judge.isCredible)
    }

    @Test func aStartTooEarlyWaitsForTheClockToBeSet() {
        var world = World(wallMs: 1_000)
        #expect(
            world.begin(newestMs: World.startMs - 2 * Self.hourMs) == [.beganTooEarly(wallMs: 1_000)])
        #expect(!world.judge.isCredible)
        world.isSynchronised = true
        #expect(world.look(afterMs: 3_600_000) == [])
        #expect(!world.judge.isCredible)
        // Signatures and pages show what the clock shows; ages are not beyond it.
        #expect(world.judge.timeMs == world.wallMs)
        #expect(world.judge.agingMs == world.wallMs)
        world.isSynchronised = nil
        let jumpMs = World.startMs - world.wallMs
        #expect(world.look(jumpMs: jumpMs) == [.becameCredible(wallMs: World.startMs)])
        #expect(world.judge.isCredible)
        #expect(world.judge.timeMs == World.startMs)
        // The newest record's time and the hour since the start.
        #expect(world.judge.agingMs == World.startMs - Self.hourMs)
        #expect(world.look(afterMs: 599_000) == [])
        #expect(world.look(afterMs: 1_000) == [.agesFollow(.hasStood)])
        #expect(world.judge.agingMs == world.wallMs)
    }

    @Test func whatAnEarlierRunLeftIsJudgedByItsNewestRecordAtFirst() {
        var world = World()
        #expect(
            world.begin(newestMs: World.startMs - 6 * Self.hourMs) == [
                .isAheadOfNewest(byMs: 6 * Self.hourMs)
            ])
        #expect(world.look(afterMs: 599_000) == [])
        #expect(world.judge.timeMs == world.wallMs)
        #expect(world.judge.agingMs == world.wallMs - 6 * Self.hourMs)
        #expect(world.look(afterMs: 1_000) == [.agesFollow(.hasStood)])
        #expect(world.judge.agingMs == world.wallMs)
    }

    @Test func aSynchronisedClockJudgesAnEarlierRunAtOnce() {
        var world = World()
        world.isSynchronised = true
        #expect(world.begin(newestMs: World.startMs - 6 * Self.hourMs) == [])
        #expect(world.look(afterMs: 1_000) == [])
        #expect(world.judge.agingMs == world.wallMs)
    }

    @Test func aQuickRestartSaysNothing() {
        var world = World()
        #expect(world.begin(newestMs: World.startMs - 5_000) == [])
        #expect(world.look(afterMs: 1_200_000) == [])
        #expect(world.judge.agingMs == world.wallMs)
    }

    @Test func aClockBehindTheNewestRecordGivesNothingUp() {
        var world = World()
        #expect(
            world.begin(newestMs: World.startMs + 6 * Self.hourMs) == [
                .isBehindNewest(byMs: 6 * Self.hourMs)
            ])
        #expect(world.look(afterMs: 1_000) == [])
        #expect(world.judge.timeMs == world.wallMs)
        #expect(world.judge.agingMs == world.wallMs)
        #expect(world.look(afterMs: 600_000) == [])
    }

    @Test func whatAnEarlierRunLeftIsSparedWhileTheClockIsInDoubt() {
        // Two hours ahead of a backlog of 55 minutes at the start; set right five minutes later.
        var world = World(wallMs: World.startMs + 2 * Self.hourMs)
        let newestMs = World.startMs - 55 * 60_000
        _ = world.begin(newestMs: newestMs)
        #expect(
            world.look(afterMs: 300_000, jumpMs: -2 * Self.hourMs) == [
                .jumped(byMs: -2 * Self.hourMs, wallMs: world.wallMs, isCredible: true)
            ])
        for seconds in Int64(1)..<600 {
            #expect(world.look(afterMs: 1_000) == [])
            #expect(world.judge.agingMs == newestMs + 300_000 + seconds * 1_000)
        }
        // The right time has stood for ten minutes.
        #expect(
            world.look(afterMs: 1_000) == [
                .followed(byMs: -2 * Self.hourMs, .hasStood), .agesFollow(.hasStood),
            ])
        #expect(world.judge.agingMs == world.wallMs)
        #expect(world.judge.timeMs == world.wallMs)
    }

    @Test func theTenMinutesThatSpareAnEarlierRunBeginAgainWhenTheClockReturns() {
        var world = World()
        _ = world.begin(newestMs: World.startMs - Self.hourMs)
        _ = world.look(afterMs: 300_000, jumpMs: Self.hourMs)
        #expect(world.look(afterMs: 300_000, jumpMs: -Self.hourMs) == [.returned])
        #expect(world.look(afterMs: 599_000) == [])
        #expect(world.judge.agingMs == world.wallMs - Self.hourMs)
        #expect(world.look(afterMs: 1_000) == [.agesFollow(.hasStood)])
    }

    @Test func whatAnEarlierRunLeftIsJudgedWhenTheKernelSaysThatTheNewTimeIsRight() {
        var world = World()
        _ = world.begin(newestMs: World.startMs - Self.hourMs)
        _ = world.look(afterMs: 599_000)
        world.isSynchronised = true
        #expect(
            world.look(afterMs: 1_000, jumpMs: Self.hourMs) == [.followed(byMs: Self.hourMs, .synchronised)])
        #expect(world.look(afterMs: 1_000) == [.agesFollow(.synchronised)])
        #expect(world.judge.agingMs == world.wallMs)
    }

    @Test(arguments: [9_000, -9_000] as [Int64]) func smallStepsThatAddUpAreDoubted(stepMs: Int64) {
        var world = World()
        var events: [Event] = []
        for second in Int64(1)...1_000 {
            events += world.look(afterMs: 1_000, jumpMs: stepMs)
            #expect(abs(world.judge.timeMs - (World.startMs + second * 1_000)) <= ClockJudge.toleranceMs)
        }
        // One jump, whose ten minutes begin when the clock stands.
        #expect(
            events == [
                .jumped(byMs: 2 * stepMs, wallMs: World.startMs + 2_000 + 2 * stepMs, isCredible: true)
            ])
        #expect(world.look(afterMs: 598_000) == [])
        events = world.look(afterMs: 2_000)
        #expect(events == [.followed(byMs: 999 * stepMs, .hasStood)])
        #expect(world.judge.timeMs == world.wallMs)
    }

    @Test func stepsWithinTheToleranceAreFollowedMinuteByMinute() {
        var world = World()
        for _ in 0..<20 {
            for _ in 0..<59 { #expect(world.look(afterMs: 1_000) == []) }
            // What a daemon that slews may do in a minute.
            #expect(world.look(afterMs: 1_000, jumpMs: -6_000) == [])
            #expect(world.judge.timeMs == world.wallMs)
        }
        #expect(world.asked == 0)
    }
}
