import Testing

@testable import Agent

struct SeriesGrowthTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func theJobThatGrewMostComesFirst() {
        var growth = SeriesGrowth()
        growth.note([("large", 1_000_000), ("fast", 10), ("slow", 500)], nowNs: Self.second)
        let now: [SeriesGrowth.Size] = [("large", 1_000_000), ("fast", 5_000), ("slow", 600)]
        #expect(growth.fastest(of: now, except: []) == "fast")
        #expect(growth.fastest(of: now, except: ["fast"]) == "slow")
        #expect(growth.fastest(of: now, except: ["fast", "slow"]) == "large")
        #expect(growth.fastest(of: now, except: ["fast", "slow", "large"]) == nil)
    }

    @Test func ofEqualGrowthTheLargestComesFirst() {
        var growth = SeriesGrowth()
        let sizes: [SeriesGrowth.Size] = [("a", 10), ("c", 30), ("b", 30)]
        // Nothing is known, or nobody grew, or somebody shrank.
        #expect(growth.fastest(of: sizes, except: []) == "b")
        growth.note(sizes, nowNs: 0)
        #expect(growth.fastest(of: sizes, except: []) == "b")
        #expect(growth.fastest(of: [("a", 5), ("b", 30), ("c", 2)], except: []) == "b")
    }

    @Test func aJobThatAReloadBroughtGrewByAllItHas() {
        var growth = SeriesGrowth()
        growth.note([("old", 1_000)], nowNs: 0)
        #expect(growth.fastest(of: [("old", 1_400), ("new", 500)], except: []) == "new")
    }

    @Test func growthIsOfFiveMinutes() {
        var growth = SeriesGrowth()
        growth.note([("early", 0), ("late", 0)], nowNs: 0)
        for seconds in stride(from: UInt64(30), through: 400, by: 30) {
            #expect(growth.isDue(nowNs: seconds * Self.second))
            growth.note([("early", 9_000), ("late", 0)], nowNs: seconds * Self.second)
            #expect(!growth.isDue(nowNs: (seconds + 29) * Self.second))
        }
        #expect(growth.fastest(of: [("early", 9_000), ("late", 100)], except: []) == "late")
    }
}
