import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct DiskVerdictTests {
    private let second: UInt64 = 1_000_000_000
    private let error = FileError(operation: "pwrite", path: "/a", errno: 5, message: "on cue")

    @Test func aDiskThatRefusesIsAskedInEachRound() throws {
        var verdict = DiskVerdict()
        #expect(!verdict.isDue(nowNs: 100 * second))
        verdict.failed(error, nowNs: 100 * second)
        verdict.failed(FileError(operation: "a", path: "", errno: 28, message: ""), nowNs: 101 * second)
        verdict.took(7)
        verdict.took(3)
        verdict.dropped(4)
        #expect(verdict.isDue(nowNs: 100 * second) && verdict.isDue(nowNs: 500 * second))
        let ended = verdict.succeeded(nowNs: 130 * second)
        let spell = try #require(ended)
        #expect(spell.sinceNs == 100 * second && spell.cause.errno == 5)
        #expect(spell.samples == 10 && spell.dropped == 4)
        let again = verdict.succeeded(nowNs: 131 * second)
        #expect(verdict.spell == nil && again == nil)
    }

    /// One that takes frames and refuses them again at once is left alone for longer and longer, up to a
    /// minute. After three good minutes it is asked at once.
    @Test func aDiskThatWaversIsAskedLessAndLessOften() {
        var verdict = DiskVerdict()
        var now = 100 * second
        for pause in [0, 1, 2, 4, 8, 16, 32, 60, 60] as [UInt64] {
            verdict.failed(error, nowNs: now)
            if pause > 0 { #expect(!verdict.isDue(nowNs: now + pause * second - 1)) }
            now += pause * second
            #expect(verdict.isDue(nowNs: now))
            _ = verdict.succeeded(nowNs: now)
            now += 179 * second
        }
        now += second
        verdict.failed(error, nowNs: now)
        #expect(verdict.isDue(nowNs: now))
    }

    @Test func aDiskThatMakesNothingDurableIsGivenNoMoreAfterAMinute() {
        let clock = ManualClock()
        var verdict = DiskVerdict()
        #expect(verdict.distrust(clock) == nil)
        verdict.renewalFailed(error, nowNs: clock.monotonicNs)
        clock.advance(ms: 59_999)
        verdict.renewalFailed(error, nowNs: clock.monotonicNs)
        #expect(verdict.distrust(clock) == nil)
        clock.advance(ms: 1)
        #expect(verdict.distrust(clock)?.errno == 5)
        verdict.renewed()
        #expect(verdict.distrust(clock) == nil)
        verdict.renewalFailed(error, nowNs: 0)
        verdict.failed(error, nowNs: clock.monotonicNs)
        _ = verdict.succeeded(nowNs: clock.monotonicNs)
        #expect(verdict.distrust(clock) == nil)
    }

    /// Why there was no way back is known until the disk is asked again, or the next spell.
    @Test func whyTheDiskTookNothingIsForgottenWithTheNextAnswer() {
        var verdict = DiskVerdict()
        verdict.failed(error, nowNs: 0)
        #expect(verdict.lackedBeside == nil && !verdict.isUncut)
        verdict.refusedToReturn(lackedBeside: 7)
        #expect(verdict.lackedBeside == 7 && !verdict.isUncut)
        verdict.refusedToReturn(isUncut: true)
        #expect(verdict.lackedBeside == nil && verdict.isUncut)
        verdict.refusedToReturn()
        #expect(!verdict.isUncut)
        verdict.refusedToReturn(lackedBeside: 7, isUncut: true)
        verdict.makesRoom = 3
        _ = verdict.succeeded(nowNs: 1)
        verdict.failed(error, nowNs: 2)
        #expect(verdict.lackedBeside == nil && !verdict.isUncut && verdict.makesRoom == nil)
    }
}
