import MetricModel
import Testing

@testable import WriteAheadBuffer

@Suite struct BaseColumnTests {
    @Test(arguments: [
        [], [1, 2, 3], [StaleMarker.value], [StaleMarker.value, 1], [1, StaleMarker.value],
        [.nan, .infinity, -0.0], Array(repeating: StaleMarker.value, count: 1_000),
    ])
    func theValuesComeBackBitByBit(values: [Double]) {
        #expect(BaseColumn(values).values.map(\.bitPattern) == values.map(\.bitPattern))
    }

    /// What is kept of a target that is gone, until its segment ends.
    @Test func markersAloneTakeNoRoom() {
        let markers = Array(repeating: StaleMarker.value, count: 1_000)
        #expect(BaseColumn(markers).byteCount == 0)
        #expect(BaseColumn(markers + [1]).byteCount >= 8_008)
    }
}
