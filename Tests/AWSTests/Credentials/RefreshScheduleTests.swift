import Testing

@testable import AWS

/// A schedule behind a reference: `#expect` takes what it looks at as a constant.
private final class Schedule {
    private var inner = RefreshSchedule()

    func planned(_ plan: CredentialPlan, nowNs: UInt64) { inner.planned(plan, nowNs: nowNs) }
    func wanted(nowNs: UInt64) -> RefreshSchedule.Action { inner.wanted(nowNs: nowNs) }
    func usable(nowNs: UInt64) -> Credentials? { inner.usable(nowNs: nowNs) }
    func remainingMs(nowNs: UInt64) -> Int64? { inner.remainingMs(nowNs: nowNs) }
    func refused(_ credentials: Credentials, nowNs: UInt64) { inner.refused(credentials, nowNs: nowNs) }

    func fetched(
        _ fetched: FetchedCredentials, by plan: CredentialPlan, nowNs: UInt64, wallMs: Int64, random: Double
    ) -> RefreshSchedule.Note {
        inner.fetched(fetched, by: plan, nowNs: nowNs, wallMs: wallMs, random: random)
    }

    func failed(_ error: AWSError, nowNs: UInt64, random: Double) -> Bool {
        inner.failed(error, nowNs: nowNs, random: random)
    }
}

struct RefreshScheduleTests {
    static let hourMs: Int64 = 3_600_000
    static let plan = CredentialPlan.instanceMetadata
    let wallMs: Int64 = 1_700_000_000_000

    func keys(_ id: String, lifeMs: Int64?, dateMs: Int64? = nil) -> FetchedCredentials {
        let end = lifeMs.map { (dateMs ?? wallMs) + $0 }
        return FetchedCredentials(
            credentials: Credentials(accessKeyID: id, secretAccessKey: "s", expiresAtMs: end), dateMs: dateMs)
    }

    func ns(_ ms: Int64) -> UInt64 { UInt64(ms) * 1_000_000 }

    /// A schedule that holds `A` for an hour from 0 ms on.
    private func schedule(_ random: Double = 0) -> Schedule {
        let schedule = Schedule()
        schedule.planned(Self.plan, nowNs: 0)
        #expect(schedule.wanted(nowNs: 0) == .fetchAndWait)
        #expect(schedule.wanted(nowNs: 0) == .wait)
        let note = schedule.fetched(
            keys("A", lifeMs: Self.hourMs), by: Self.plan, nowNs: 0, wallMs: wallMs, random: random)
        #expect(note == .nothing)
        return schedule
    }

    func isUse(_ action: RefreshSchedule.Action, _ id: String) -> Bool {
        if case .use(let credentials) = action { return credentials.accessKeyID == id }
        return false
    }

    @Test(arguments: [(0.0, Int64(3_000_000)), (1.0, 2_700_000)])
    func aRefreshBeginsTenToFifteenMinutesAheadAndOnceForAll(random: Double, dueMs: Int64) {
        let schedule = self.schedule(random)
        #expect(isUse(schedule.wanted(nowNs: ns(dueMs - 1)), "A"))
        guard case .useAndFetch(let old) = schedule.wanted(nowNs: ns(dueMs)) else {
            Issue.record("no refresh")
            return
        }
        #expect(old.accessKeyID == "A")
        #expect(isUse(schedule.wanted(nowNs: ns(dueMs)), "A"))
        _ = schedule.fetched(
            keys("B", lifeMs: Self.hourMs), by: Self.plan, nowNs: ns(dueMs), wallMs: wallMs, random: 0)
        #expect(isUse(schedule.wanted(nowNs: ns(dueMs + 1)), "B"))
    }

    @Test func oldCredentialsServeUntilTheyReallyExpireWhileRefreshesFail() {
        let schedule = self.schedule()
        let fault = AWSError(.transport, message: "m", operation: "o")
        var nowMs: Int64 = 3_000_000
        var attempts = 0
        while nowMs < Self.hourMs {
            switch schedule.wanted(nowNs: ns(nowMs)) {
            case .useAndFetch:
                #expect(schedule.failed(fault, nowNs: ns(nowMs), random: 0) == (attempts == 0))
                attempts += 1
            case .use(let credentials): #expect(credentials.accessKeyID == "A")
            case let other: Issue.record("\(other)")
            }
            nowMs += 100
        }
        // 0.5, 1, 2, 4, 8, 16, then every 30 s for ten minutes.
        #expect((20...30).contains(attempts))
        // Over: the first who asks tries once more, the next is told why until the pause is over.
        nowMs += 60_000
        #expect(schedule.wanted(nowNs: ns(nowMs)) == .fetchAndWait)
        #expect(schedule.wanted(nowNs: ns(nowMs)) == .wait)
        #expect(!schedule.failed(fault, nowNs: ns(nowMs), random: 0))
        #expect(schedule.wanted(nowNs: ns(nowMs)) == .fail(fault))
        nowMs += 60_000
        #expect(schedule.wanted(nowNs: ns(nowMs)) == .fetchAndWait)
        let note = schedule.fetched(
            keys("B", lifeMs: Self.hourMs), by: Self.plan, nowNs: ns(nowMs), wallMs: wallMs, random: 0)
        #expect(note == .recovered)
    }

    @Test func theGiversClockTellsTheLife() {
        let schedule = Schedule()
        schedule.planned(Self.plan, nowNs: 0)
        #expect(schedule.wanted(nowNs: 0) == .fetchAndWait)
        // Our clock is a day ahead: by it these were over long ago.
        let given = keys("A", lifeMs: Self.hourMs, dateMs: wallMs - 86_400_000)
        let note = schedule.fetched(given, by: Self.plan, nowNs: 0, wallMs: wallMs, random: 0)
        #expect(note == .nothing)
        #expect(schedule.remainingMs(nowNs: 0) == Self.hourMs)
        #expect(schedule.usable(nowNs: ns(Self.hourMs)) == nil)
    }

    @Test func whatIsGivenExpiredIsUsedAndAskedForAgainLater() {
        let schedule = Schedule()
        schedule.planned(Self.plan, nowNs: 0)
        #expect(schedule.wanted(nowNs: 0) == .fetchAndWait)
        let note = schedule.fetched(
            keys("A", lifeMs: -1), by: Self.plan, nowNs: 0, wallMs: wallMs, random: 0)
        #expect(note == .expired)
        #expect((schedule.remainingMs(nowNs: ns(1_000)) ?? 0) < 0)
        #expect(isUse(schedule.wanted(nowNs: ns(299_000)), "A"))
        guard case .useAndFetch = schedule.wanted(nowNs: ns(300_000)) else {
            Issue.record("not asked again")
            return
        }
    }

    @Test func aSourceThatHasNotRotatedYetIsAskedAgainSoonButNotAtOnce() {
        let schedule = self.schedule()
        guard case .useAndFetch(let old) = schedule.wanted(nowNs: ns(3_000_000)) else {
            Issue.record("no refresh")
            return
        }
        let same = FetchedCredentials(credentials: old, dateMs: wallMs + 3_000_000)
        _ = schedule.fetched(same, by: Self.plan, nowNs: ns(3_000_000), wallMs: wallMs, random: 0)
        #expect(isUse(schedule.wanted(nowNs: ns(3_029_000)), "A"))
        guard case .useAndFetch = schedule.wanted(nowNs: ns(3_030_000)) else {
            Issue.record("not asked again")
            return
        }
    }

    @Test func aRefusalFetchesAnewButNotForEveryRefusal() {
        let schedule = self.schedule()
        let old = keys("A", lifeMs: Self.hourMs).credentials
        // Right after a fetch: the service has another reason.
        schedule.refused(old, nowNs: ns(1_000))
        #expect(isUse(schedule.wanted(nowNs: ns(1_000)), "A"))
        #expect(schedule.wanted(nowNs: ns(10_000)) == .fetchAndWait)
        #expect(schedule.wanted(nowNs: ns(10_000)) == .wait)
        _ = schedule.fetched(
            keys("B", lifeMs: Self.hourMs), by: Self.plan, nowNs: ns(10_000), wallMs: wallMs, random: 0)
        // A late refusal of the old ones says nothing about the new.
        schedule.refused(old, nowNs: ns(30_000))
        #expect(isUse(schedule.wanted(nowNs: ns(30_000)), "B"))
    }

    @Test func refusedCredentialsServeOnWhenNoOthersCanBeHad() {
        let schedule = self.schedule()
        schedule.refused(keys("A", lifeMs: Self.hourMs).credentials, nowNs: ns(60_000))
        #expect(schedule.wanted(nowNs: ns(60_000)) == .fetchAndWait)
        _ = schedule.failed(
            AWSError(.transport, message: "m", operation: "o"), nowNs: ns(60_000), random: 0)
        #expect(isUse(schedule.wanted(nowNs: ns(60_000)), "A"))
    }

    @Test func anotherPlanIsCarriedOutAtOnceAndTheOldIdentityServesMeanwhile() {
        let schedule = self.schedule()
        let keys = Credentials(accessKeyID: "K", secretAccessKey: "s")
        let other = CredentialPlan.process(command: "x", profile: "p")
        schedule.planned(other, nowNs: ns(1_000))
        guard case .useAndFetch = schedule.wanted(nowNs: ns(1_000)) else {
            Issue.record("no fetch")
            return
        }
        // Keys need no fetch.
        schedule.planned(.keys(keys, origin: "the environment"), nowNs: ns(2_000))
        #expect(schedule.wanted(nowNs: ns(2_000)) == .use(keys))
        #expect(schedule.remainingMs(nowNs: 0) == nil)
    }

    @Test func aCancelledFetchIsToldAndNotTriedAtOnce() {
        let schedule = Schedule()
        schedule.planned(Self.plan, nowNs: 0)
        #expect(schedule.wanted(nowNs: 0) == .fetchAndWait)
        let error = AWSError(.cancelled, message: "m", operation: "o")
        #expect(!schedule.failed(error, nowNs: 0, random: 0))
        #expect(schedule.wanted(nowNs: 0) == .fail(error))
        #expect(schedule.wanted(nowNs: ns(1_000)) == .fetchAndWait)
    }

    @Test func shortLivesAreRefreshedInTime() {
        for lifeMs in [Int64(1_000), 60_000, 900_000] {
            let schedule = Schedule()
            schedule.planned(Self.plan, nowNs: 0)
            _ = schedule.wanted(nowNs: 0)
            _ = schedule.fetched(
                keys("A", lifeMs: lifeMs), by: Self.plan, nowNs: 0, wallMs: wallMs, random: 0.5)
            #expect(isUse(schedule.wanted(nowNs: ns(lifeMs) / 2), "A"), "\(lifeMs)")
            #expect(schedule.usable(nowNs: ns(lifeMs)) == nil)
        }
    }
}
