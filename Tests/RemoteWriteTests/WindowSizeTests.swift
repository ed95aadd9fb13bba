import Testing

@testable import RemoteWrite

struct WindowSizeTests {
    private let ms: UInt64 = 1_000_000

    @Test func nearbyTwoAreInFlightAndFarAwayAsManyAsTheRoundTripAsksFor() {
        var window = WindowSize(least: 1, most: 50)
        #expect(window.size == 2)
        for _ in 0..<20 {
            window.cut(ns: 10 * ms)
            window.stored(ns: ms)
        }
        #expect(window.size == 2)
        // The round trip goes up to 200 ms: two in flight, so ten answers a second.
        for _ in 0..<20 { window.stored(ns: 200 * ms) }
        #expect((20...22).contains(window.size), "a round trip of twenty cuts")
        for _ in 0..<20 { window.stored(ns: ms) }
        #expect(window.size == 2, "and shrinks again")
    }

    @Test func shardsBoundIt() {
        var window = WindowSize(least: 4, most: 8)
        #expect(window.size == 4)
        for _ in 0..<20 { window.stored(ns: 2_000 * ms) }
        #expect(window.size == 8 && window.wantedSize > 1_000)
        #expect(WindowSize(least: 1, most: 1).size == 1)
        #expect(WindowSize(least: 0, most: 0).size == 1)
    }

    @Test func aReceiverThatAsksForLessGetsHalfAndThenOneMoreAWindow() {
        var window = WindowSize(least: 1, most: 40)
        for _ in 0..<30 { window.stored(ns: 1_000 * ms) }
        #expect(window.size == 40)
        window.throttled(inFlight: 40)
        #expect(window.size == 20)
        window.throttled(inFlight: 20)
        #expect(window.size == 10)
        for _ in 0..<11 { window.stored(ns: 1_000 * ms) }
        #expect(window.size == 11)
        for _ in 0..<10 { window.throttled(inFlight: window.size) }
        #expect(window.size == 1, "one is always let through")
    }
}
