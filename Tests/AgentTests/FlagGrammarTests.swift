import Testing

@testable import Agent

@Suite struct FlagGrammarTests {
    @Test(
        arguments: [
            ("60s", 60_000), ("1m0s", 60_000), ("1h30m", 5_400_000), ("1.5m", 90_000), (".5h", 1_800_000),
            ("2.h", 7_200_000), ("1500ms", 1_500), ("0", 0), ("1500us", 2), ("90m1.25s", 5_401_250),
            ("30s1m", 90_000), ("", nil), ("1", nil), ("1d", nil), ("-1s", nil), ("s", nil), (".s", nil),
            ("1..2s", nil), ("1s ", nil), ("1e3s", nil), ("\u{663}s", nil), ("9999999999999999h", nil),
        ] as [(String, Int64?)])
    func durationsAreTakenAsGoTakesThem(text: String, ms: Int64?) {
        #expect(FlagGrammar.goDurationMs(text) == ms)
    }

    @Test func everythingThatIsWrongWithThePagesPlaceIsSaid() {
        let faults = FlagGrammar.faultsOfPages(
            listenAddresses: [":9090", "9090", "::1:9090"], externalURL: "https://h/a b", routePrefix: "")
        #expect(faults.count == 3)
        #expect(faults[0].hasPrefix("--web.listen-address: '9090'") && faults[1].contains("brackets"))
        #expect(faults[2].hasPrefix("--web.external-url: "))
        #expect(
            FlagGrammar.faultsOfPages(listenAddresses: [], externalURL: nil, routePrefix: nil) == [])
    }

    @Test(
        arguments: [
            (nil, false), (0, false), (1, true), ((48 << 20) - 1, true), (48 << 20, false), (.max, false),
        ] as [(Int?, Bool)])
    func aCeilingOnMemoryBelowWhatTheAgentNeedsIsRefused(bytes: Int?, isRefused: Bool) {
        let fault = FlagGrammar.faultOfMemoryLimit(bytes)
        #expect((fault != nil) == isRefused)
        #expect(fault?.hasPrefix("--memory.limit must be at least 48MB, or 0 for none: ") ?? true)
    }

    @Test func refusedFeaturesAreNamed() {
        let faults = FlagGrammar.refusedFeatures(["st-synthesis,old-ui", "no-such-feature"])
        #expect(faults.count == 1 && faults[0].hasPrefix("--enable-feature: st-synthesis is not supported"))
    }

    /// cmd/prometheus/main.go raises what is below a second, and its ticker of 0 never ticks.
    @Test(
        arguments: [(30_000, 30_000), (1_000, 1_000), (999, 1_000), (1, 1_000), (0, nil)] as [(Int64, Int64?)]
    )
    func theWatchIsNoFasterThanASecond(ms: Int64, taken: Int64?) {
        let watch = FlagGrammar.watch(everyMs: ms)
        #expect(watch.intervalMs == taken)
        #expect((watch.warning == nil) == (taken == ms))
    }
}
