import MetricModel
import Testing

@testable import RemoteWrite

@Suite struct StartWalkTests {
    @Test(arguments: 0..<6) func startsAreFoundFromAnySeriesOn(first: Int) {
        let target = TestFrames.target()
        let chunk = TestFrames.chunk((0..<6).map { [Label("__name__", "m\($0)")] }, target)
        let frame = Frame(
            target: target, layout: Layout([chunk]), timestampMs: 9, values: Array(repeating: 0, count: 6),
            startTimestamps: [.init(series: 1, timestampMs: 10), .init(series: 4, timestampMs: 40)])
        var walk = StartWalk(frame, from: first)
        let found = (first..<6).map { walk.startMs(of: $0, in: frame) }
        #expect(found == Array([0, 10, 0, 0, 40, 0][first...]))
    }
}
