import MetricModel
import Platform
import Telemetry
import TestSupport

@testable import WriteAheadBuffer

/// A start on a disk: what each destination is given, what the books say, and what is said.
struct FlipLook {
    /// A frame as it was given.
    struct Given: Equatable {
        let number: Int
        let start: BufferPosition
        let open: [Range<Int>]
        /// As `FaultFrames` has it.
        let isRight: Bool

        var samples: UInt64 { UInt64(open.reduce(0) { $0 + $1.count }) }
    }

    private(set) var given: [String: [Given]] = [:]
    private(set) var sent: [String: [UInt64: SentRequest]] = [:]
    private(set) var ledger = BufferLedger()
    private(set) var alarms: [TimedLines.Line] = []
    private(set) var damagedPlaces: UInt64 = 0
    /// Cursors that were damaged, by the metric.
    private(set) var damagedCursors: UInt64 = 0
    /// The error that ended it.
    private(set) var failure: String?
    /// Warnings and errors of a second start on what the first has left; nil where there was none.
    private(set) var secondAlarms: [TimedLines.Line]?
    /// What the second start was given.
    private(set) var secondGiven = 0

    /// Looks at a disk, which is changed by it.
    init(_ disk: FaultDisk, _ names: [String], wallMs: Int64, again: Bool = false) {
        let clock = ManualClock(wallMs: wallMs)
        let lines = TimedLines(clock)
        let registry = MetricRegistry()
        do throws(BufferError) {
            let buffer = try Self.open(disk, clock, lines, registry)
            for name in names { try drain(try buffer.openDestination(name), isCounted: true) }
            // The other cursors stay as they are.
            ledger = buffer.ledger()
            try buffer.close()
            alarms = lines.alarms
            damagedPlaces = registry.counter("narthex_buffer_damaged_records_total", help: "").value
            damagedCursors = registry.counter("narthex_buffer_damaged_cursors_total", help: "").value
            guard again else { return }
            lines.forget()
            let second = try Self.open(disk, clock, lines, MetricRegistry())
            for name in names { try drain(try second.openDestination(name), isCounted: false) }
            try second.close()
            secondAlarms = lines.alarms
        } catch {
            failure = "\(error)"
            alarms = lines.alarms
        }
    }

    static func open(
        _ disk: any FileDoor, _ clock: ManualClock, _ lines: TimedLines, _ registry: MetricRegistry
    ) throws(BufferError) -> WriteAheadBuffer {
        try WriteAheadBuffer(
            BufferConfiguration(
                directory: FaultGround.directory, segmentSizeBytes: 1_500, reserveBytes: 512,
                recentFrameBytes: 0),
            interner: LayoutInterner(), clock: clock, files: disk, registry: registry, logger: lines.logger,
            salts: { 0x5A17_0000 | UInt32.random(in: 0...0xFFFF) })
    }

    private mutating func drain(_ destination: BufferDestination, isCounted: Bool) throws(BufferError) {
        let reader = destination.reader
        let name = destination.name
        if isCounted { sent[name] = reader.sent }
        var ranges = AnsweredRanges()
        var outcome = Outcomes()
        while let stored = try reader.next() {
            let number = FaultFrames.number(of: stored.frame)
            let isRight = number >= 0 && FrameFacts(stored.frame) == FrameFacts(FaultFrames.frame(number))
            if isCounted {
                given[name, default: []].append(
                    Given(number: number, start: stored.start, open: stored.open, isRight: isRight))
            } else {
                secondGiven += 1
            }
            for samples in stored.open {
                ranges.insert(stored.cover(samples))
                outcome.deliver(samples.count, of: stored.frame.target.job)
            }
        }
        try reader.answered(reader.sent.keys.sorted(), ranges: ranges.ranges, outcome: outcome)
        // With nothing in flight what is lost is booked at the tail.
        _ = try reader.next()
    }
}
