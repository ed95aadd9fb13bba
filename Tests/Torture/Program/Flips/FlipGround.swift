import MetricModel
import Platform
import Telemetry
import TestSupport

@testable import WriteAheadBuffer

/// A small buffer with a bit of everything: segments, a backlog of two destinations with ranges and requests
/// in flight, the index. As a kill leaves it, and as a close does.
struct FlipGround {
    static let names = ["d0", "d1"]
    /// Segments that are ended, beside the one that is written to.
    private static let endedSegments = 3

    let wallMs: Int64 = 1_700_000_100_000
    /// As a kill leaves it.
    let killed: FaultDisk
    /// As a close leaves it, with what each segment holds in the index.
    let closed: FaultDisk

    init() throws {
        let disk = FaultDisk()
        let clock = ManualClock(wallMs: wallMs)
        let buffer = try FlipLook.open(disk, clock, TimedLines(clock), MetricRegistry())
        let (first, second) = (try buffer.openDestination("d0"), try buffer.openDestination("d1"))
        var number = 0
        while buffer.core.catalog.all.count <= Self.endedSegments || number % 9 != 0 {
            try buffer.append(FaultFrames.frame(number))
            number += 1
            clock.advance(ms: 1_000)
        }
        // The first has answered for a beginning, which ends within a frame, and for ranges behind it; the
        // second for one range, so that its mark stands at the very first frame.
        try Self.answer(first, { [0, 1, 2, 3, 4, 7, 12, 13].contains($0) }, parts: [5: 0..<3], sent: [8, 9])
        try Self.answer(second, { [10].contains($0) }, parts: [:], sent: [2, 3])
        buffer.keep(syncs: true)
        killed = disk.fork()
        try buffer.close()
        closed = disk.fork()
    }

    /// Answers for frames by their numbers, and for parts of frames; notes others as in flight.
    private static func answer(
        _ destination: BufferDestination, _ isAnswered: (Int) -> Bool, parts: [Int: Range<Int>], sent: [Int]
    ) throws {
        let reader = destination.reader
        var requests: [UInt64: SentRequest] = [:]
        while let stored = try reader.next() {
            let number = FaultFrames.number(of: stored.frame)
            let samples = isAnswered(number) ? 0..<stored.frame.sampleCount : parts[number]
            if let samples {
                var outcome = Outcomes()
                outcome.deliver(samples.count, of: stored.frame.target.job)
                try reader.answered([], ranges: [stored.cover(samples)], outcome: outcome)
            }
            if sent.contains(number) {
                requests[UInt64(number)] = SentRequest(spans: stored.open.map { stored.cover($0) })
            }
        }
        try reader.willSend(requests)
    }
}
