import Testing

@testable import Discovery

@Suite struct RepeatedFaultsTests {
    @Test func theSameFaultIsSaidNowAndThen() {
        var faults = RepeatedFaults(repeatMs: 1)
        let said = [
            faults.isDue("a", "x", nowNs: 10), faults.isDue("a", "x", nowNs: 20),
            faults.isDue("b", "x", nowNs: 20), faults.isDue("a", "y", nowNs: 30),
            faults.isDue("a", "y", nowNs: 1_000_031),
        ]
        #expect(said == [true, false, true, true, true])
        faults.forget("a")
        let again = faults.isDue("a", "y", nowNs: 1_000_032)
        #expect(again)
    }
}
