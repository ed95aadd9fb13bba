import MetricModel
import Testing

@Suite struct StaleMarkerTests {
    @Test func onlyTheMarkersBitsAreStale() {
        #expect(StaleMarker.isStale(StaleMarker.value))
        #expect(StaleMarker.value.isNaN)
        #expect(!StaleMarker.isStale(.nan))
        #expect(!StaleMarker.isStale(Double(bitPattern: StaleMarker.ordinaryNaNBits)))
        #expect(!StaleMarker.isStale(0))
    }
}
