import MetricModel
import Synchronization
import TestSupport
import Testing

@testable import Agent

@Suite struct SharedFamiliesTests {
    @Test func eachFamilyIsThereOnceWithTheLastWord() {
        let families = SharedFamilies(clock: ManualClock(wallMs: 1_000))
        #expect(families.all.isEmpty)
        families.set {
            [
                [MetricMetadata(family: "a", help: "one"), MetricMetadata(family: "b")],
                [MetricMetadata(family: "c"), MetricMetadata(family: "a", help: "two")],
            ]
        }
        #expect(families.all.map(\.family) == ["a", "b", "c"])
        #expect(families.all.map(\.help) == ["two", "", ""])
    }

    /// Reading what thousands of targets say is work: destinations that ask at about one time share it.
    @Test func destinationsShareAListForAWhile() {
        let clock = ManualClock(wallMs: 1_000)
        let families = SharedFamilies(clock: clock)
        let reads = Mutex(0)
        families.set {
            reads.withLock { $0 += 1 }
            return [[MetricMetadata(family: "a")]]
        }
        for _ in 0..<3 { #expect(families.all.map(\.family) == ["a"]) }
        #expect(reads.withLock { $0 } == 1)
        clock.advance(ms: Int64(SharedFamilies.keptNs / 1_000_000))
        _ = families.all
        #expect(reads.withLock { $0 } == 2)
        families.set { [[MetricMetadata(family: "b")]] }
        #expect(families.all.map(\.family) == ["b"], "what another source says is not the old one's")
    }
}
