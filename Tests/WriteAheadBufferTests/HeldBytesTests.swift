import MetricModel
import Testing

@testable import WriteAheadBuffer

struct HeldBytesTests {
    private func frame(explicit: [Frame.ExplicitTimestamp], starts: [Frame.StartTimestamp]) -> Frame {
        Frame(
            target: TestFrames.target(), layout: Layout([TestFrames.chunk("m", count: 4)]), timestampMs: 9,
            values: [1, 2, 3, 4], explicitTimestamps: explicit, startTimestamps: starts)
    }

    /// Four values of eight bytes, and sixteen bytes for each timestamp beside them.
    @Test func timestampsOfSamplesCount() {
        let explicit = (0..<3 as Range<UInt32>).map { Frame.ExplicitTimestamp(series: $0, timestampMs: 5) }
        let starts = (0..<2 as Range<UInt32>).map { Frame.StartTimestamp(series: $0, timestampMs: 1) }
        #expect(HeldBytes.of(frame(explicit: [], starts: [])) == 32)
        #expect(HeldBytes.of(frame(explicit: [], starts: starts)) == 64)
        #expect(HeldBytes.of(frame(explicit: explicit, starts: [])) == 80)
        #expect(HeldBytes.of(frame(explicit: explicit, starts: starts)) == 112)
    }

    /// What waits to be sent is charged by this.
    @Test func storedFramesSayTheSame() {
        let explicit = (0..<3 as Range<UInt32>).map { Frame.ExplicitTimestamp(series: $0, timestampMs: 5) }
        let frame = frame(explicit: explicit, starts: [])
        let place = BufferPosition(segment: 1, offset: 0, sample: 0)
        #expect(StoredFrame(frame: frame, start: place, end: place).heldBytes == 80)
    }
}
