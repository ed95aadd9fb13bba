import Platform
import Testing

@testable import RemoteWrite

struct WindowSizeTests {
    private let ms: UInt64 = 1_000_000

    /// Answers after so much time, each while all fly that may.
    private func answer(_ window: inout WindowSize, _ count: Int, ms roundTripMs: UInt64) {
        for _ in 0..<count { window.stored(ns: roundTripMs * ms, inFlight: window.size) }
    }

    @Test func nearbyTwoAreInFlightAndFarAwayAsManyAsTheRoundTripAsksFor() {
        var window = WindowSize(least: 1, most: 50)
        #expect(window.size == 2)
        for _ in 0..<20 {
            window.cut(ns: 10 * ms)
            answer(&window, 1, ms: 1)
        }
        #expect(window.size == 2)
        // The round trip goes up to 200 ms: two in flight, so ten answers a second.
        answer(&window, 20, ms: 200)
        #expect((20...22).contains(window.size), "a round trip of twenty cuts")
        answer(&window, 20, ms: 1)
        #expect(window.size == 2, "and shrinks again")
    }

    @Test func growsWithinThreeSecondsOfARoundTripOf200Ms() {
        var window = WindowSize(least: 1, most: 50)
        answer(&window, 20, ms: 1)
        var seconds = 0.0
        while window.size < 50, seconds < 10 {
            // All that fly are answered in one round trip.
            answer(&window, window.size, ms: 200)
            seconds += 0.2
        }
        #expect(seconds <= 2.0, "\(seconds) s")
    }

    @Test func growsOnlyWhileAllOfItIsUsed() {
        var window = WindowSize(least: 1, most: 50)
        for _ in 0..<200 { window.stored(ns: 200 * ms, inFlight: min(window.size, 10)) }
        #expect((11...13).contains(window.size))
        for _ in 0..<200 { window.stored(ns: 200 * ms, inFlight: min(window.size, 40)) }
        #expect((41...43).contains(window.size))
        for _ in 0..<2_000 { window.stored(ns: 200 * ms, inFlight: min(window.size, 5)) }
        #expect((6...13).contains(window.size), "and shrinks to what is used: \(window.size)")
    }

    @Test func aNearReceiverThatIsBusyNowAndThenStaysNear() {
        var window = WindowSize(least: 1, most: 50)
        for index in 0..<400 {
            // Two of three answers wait for the receiver or for this machine.
            window.stored(ns: (index % 3 == 0 ? 1 : 30) * ms, inFlight: window.size)
            #expect(window.size == 2, "answer \(index)")
        }
    }

    @Test func anOddQuickAnswerIsNotTheWay() {
        var window = WindowSize(least: 1, most: 50)
        answer(&window, 60, ms: 100)
        #expect(window.size == 50)
        for index in 0..<100 {
            window.stored(ns: (index % 10 == 0 ? 1 : 100) * ms, inFlight: window.size)
            #expect(window.size == 50, "answer \(index)")
        }
    }

    /// One of ten answers, at random, comes from near: a cache, or one backend of several.
    @Test func quickAnswersNowAndThenLeaveTheWindowOpen() {
        var window = WindowSize(least: 1, most: 50)
        answer(&window, 60, ms: 100)
        var random = SplitMix64(seed: 5)
        var (sum, smallest) = (0, 50)
        for _ in 0..<2_000 {
            window.stored(ns: (random.next() % 10 == 0 ? 4 : 100) * ms, inFlight: window.size)
            sum += window.size
            smallest = min(smallest, window.size)
        }
        #expect(sum >= 40 * 2_000, "\(sum / 2_000) on average")
        #expect(smallest > WindowSize.nearSize, "and never closed")
    }

    @Test func shardsBoundIt() {
        var window = WindowSize(least: 4, most: 8)
        #expect(window.size == 4)
        answer(&window, 20, ms: 2_000)
        #expect(window.size == 8 && window.wantedSize > 1_000)
        #expect(WindowSize(least: 1, most: 1).size == 1)
        #expect(WindowSize(least: 0, most: 0).size == 1)
    }

    @Test func aReceiverThatAsksForLessGetsHalfAndThenOneMoreAWindow() {
        var window = WindowSize(least: 1, most: 40)
        answer(&window, 40, ms: 1_000)
        #expect(window.size == 40)
        window.throttled(inFlight: 40)
        #expect(window.size == 20)
        window.throttled(inFlight: 20)
        #expect(window.size == 10)
        answer(&window, 11, ms: 1_000)
        #expect(window.size == 11)
        for _ in 0..<10 { window.throttled(inFlight: window.size) }
        #expect(window.size == 1, "one is always let through")
    }
}
