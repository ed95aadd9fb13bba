import MetricModel
import Testing

@testable import Agent

@Suite struct SharedFamiliesTests {
    @Test func eachFamilyIsThereOnceWithTheLastWord() {
        let families = SharedFamilies()
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
}
