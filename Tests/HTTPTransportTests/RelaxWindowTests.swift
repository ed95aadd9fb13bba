import Testing

@testable import HTTPTransport

struct RelaxWindowTests {
    private static let stepNs = RelaxWindow.stepNs

    @Test func fourLooksAndThenNone() {
        var window = RelaxWindow()
        #expect(window.nextNs == .max)
        let isDue = window.isDue(nowNs: 5)
        #expect(!isDue)
        window.open(nowNs: 1_000)
        var looks: [UInt64] = []
        while window.nextNs != .max {
            let nowNs = window.nextNs
            let answers = [window.isDue(nowNs: nowNs - 1), window.isDue(nowNs: nowNs)]
            #expect(answers == [false, true])
            looks.append(nowNs - 1_000)
        }
        #expect(looks == [0, Self.stepNs, 2 * Self.stepNs, 3 * Self.stepNs])
        #expect(window.isOpen(nowNs: 1_000 + 3 * Self.stepNs - 1))
        #expect(!window.isOpen(nowNs: 1_000 + 3 * Self.stepNs))
    }

    /// libcurl looks once a second at most, so looks that come more often are of no use.
    @Test func openingItAgainAndAgainKeepsTheLooksApart() {
        var window = RelaxWindow()
        var looks: [UInt64] = []
        for nowMs in UInt64(0)..<10_000 {
            let nowNs = nowMs * 1_000_000
            window.open(nowNs: nowNs)
            if window.isDue(nowNs: nowNs) { looks.append(nowMs) }
        }
        #expect(looks == (0..<10).map { $0 * 1_050 })
        #expect(window.nextNs != .max, "what was idle at the last opening is still to be looked for")
    }

    /// Whatever other requests make libcurl look, one look comes between 2 s and the end: all that were idle
    /// at the beginning are old enough then.
    @Test func oneLookFindsAllThatWereIdle() {
        var random = SeededRandom()
        for _ in 0..<200 {
            var window = RelaxWindow()
            let startMs = UInt64(random.number(0...3_000))
            var lastLookMs = startMs - min(startMs, UInt64(random.number(0...1_500)))
            var latestMs: UInt64 = 0
            window.open(nowNs: startMs * 1_000_000)
            let busyPercent = random.number(0...10)
            for nowMs in startMs..<startMs + 3_200 {
                let isOther =
                    random.number(1...100) <= busyPercent && window.isOpen(nowNs: nowMs * 1_000_000)
                let begins = window.isDue(nowNs: nowMs * 1_000_000) || isOther
                guard begins, nowMs - lastLookMs >= 1_000 else { continue }
                lastLookMs = nowMs
                latestMs = nowMs - startMs
            }
            #expect(latestMs >= 2_000)
        }
    }
}
