import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct AnsweredPlacesTests {
    /// A frame of ten samples in a record from 100 up to 180, of which two were consumed before.
    private func open(_ ranges: [Range<BufferPosition>], lanes: [BufferPosition] = []) -> [Range<Int>] {
        var places = AnsweredPlaces()
        places.ranges.insert(ranges)
        places.lanes = lanes
        return places.open(target: 3, from: at(100, 2), to: at(180), samples: 10)
    }

    private func at(_ offset: UInt64, _ sample: UInt32 = 0) -> BufferPosition {
        BufferPosition(segment: 2, offset: offset, sample: sample)
    }

    @Test func whatIsNotAnsweredForIsOpen() {
        #expect(open([]) == [2..<10])
        #expect(open([at(100, 4)..<at(100, 6)]) == [2..<4, 6..<10])
        #expect(open([at(90)..<at(100, 6)]) == [6..<10])
        #expect(open([at(100, 8)..<at(300)]) == [2..<8])
        #expect(open([at(90)..<at(180)]).isEmpty)
        #expect(open([at(180)..<at(300)]) == [2..<10])
    }

    @Test func aLaneAnswersForItsFramesAlone() {
        #expect(open([], lanes: [at(500), at(100, 5)]) == [5..<10])
        #expect(open([], lanes: [at(500), at(180)]).isEmpty)
        #expect(open([], lanes: [at(500), at(50)]) == [2..<10])
    }

    /// Only a forged file names a place within a record. No sample is open twice by it.
    @Test(arguments: [101, 140, 179] as [UInt64]) func aPlaceWithinARecordOpensNoSampleTwice(offset: UInt64) {
        #expect(open([at(100, 5)..<at(offset)]) == [2..<5])
        #expect(open([at(offset)..<at(300)]) == [2..<10])
        #expect(open([], lanes: [at(500), at(offset)]).isEmpty)
    }

    /// How segments go while their sender has read nothing yet.
    enum Removal: CaseIterable {
        case size, age
        /// By size, before the destination is opened: then what is gone is found to be missing.
        case beforeOpening

        var reason: String {
            switch self {
            case .size: BufferDropReason.retentionSize
            case .age: BufferDropReason.retentionAge
            case .beforeOpening: BufferDropReason.damaged
            }
        }
    }

    /// A frame of the log, and which of its samples have no answer.
    private struct Logged {
        let job: String
        var open: [Range<Int>]

        var openCount: UInt64 { UInt64(open.reduce(0) { $0 + $1.count }) }
    }

    /// Appends forty frames a second apart, and answers for some of them, whole or in part, but not for the
    /// first. One request stays in flight.
    private func fill(
        _ fixture: BufferFixture, _ generator: inout SeededGenerator
    ) throws -> (frames: [BufferPosition: Logged], bytes: UInt64) {
        let targets = [fixture.target, TestFrames.target("b:9100", job: "web")]
        let buffer = try fixture.open()
        let reader = try buffer.openDestination("a").reader
        for second in 0..<40 {
            try buffer.append(fixture.frame(Double(second), target: targets[generator.below(2)]))
            fixture.clock.advance(ms: 1_000)
        }
        var frames: [BufferPosition: Logged] = [:]
        var ranges: [Range<BufferPosition>] = []
        var outcome = Outcomes()
        while let stored = try reader.next() {
            let (count, job) = (stored.frame.sampleCount, stored.frame.target.job)
            var answered = 0..<0
            if frames.isEmpty {
                try reader.willSend([7: SentRequest(spans: [stored.cover(0..<count)])])
            } else if generator.chance(60) {
                let from = generator.chance(50) ? 0 : generator.below(count)
                answered = from..<(generator.chance(50) ? count : from + 1 + generator.below(count - from))
                ranges.append(stored.cover(answered))
                outcome.deliver(answered.count, of: job)
            }
            let open = [0..<answered.lowerBound, answered.upperBound..<count].filter { !$0.isEmpty }
            frames[stored.start] = Logged(job: job, open: open)
        }
        try reader.answered([], ranges: ranges.shuffled(using: &generator), outcome: outcome)
        return (frames, buffer.sizeBytes)
    }

    /// What lies in an answered range was booked by its answer. Of what was in flight at the crash nothing is
    /// known, and it is not sent any more: it is dropped like all that was not sent.
    @Test(arguments: Removal.allCases, 1...8 as ClosedRange<UInt64>)
    func afterARestartWhatRetentionTakesIsBookedOnceAndOnlyOutsideAnsweredRanges(
        removal: Removal, seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed)
        let fixture = try BufferFixture()
        // One frame, or some.
        fixture.segmentSizeBytes = [1, 300, 900][generator.below(3)]
        let (frames, bytes) = try fill(fixture, &generator)
        func expectBooks(_ buffer: WriteAheadBuffer, from oldest: UInt64, isRestSent: Bool) {
            for job in ["node", "web"] {
                let own = frames.filter { $0.value.job == job }
                let all = UInt64(own.count * 10)
                let open = own.values.reduce(0) { $0 + $1.openCount }
                let gone = own.filter { $0.key.segment < oldest }.values.reduce(0) { $0 + $1.openCount }
                let books = buffer.ledger().destinations["a"]?[job]
                let comment: Comment = "\(job), \(removal), seed \(seed)"
                #expect(books?.dropped == (gone > 0 ? [removal.reason: gone] : [:]), comment)
                #expect(books?.delivered == all - open + (isRestSent ? open - gone : 0), comment)
                #expect(books?.buffered == (isRestSent ? 0 : open - gone), comment)
                #expect(books?.scraped == all, comment)
            }
        }
        var oldest: UInt64 = 0
        do {
            if removal == .age { fixture.retentionAgeMs = 20_000 } else { fixture.retentionBytes = bytes / 2 }
            let buffer = try fixture.open()
            if removal == .beforeOpening { buffer.enforceRetention() }
            let destination = try buffer.openDestination("a")
            for _ in 0..<2 { buffer.enforceRetention() }
            oldest = try #require(buffer.core.catalog.oldest).number
            let gone = frames.filter { $0.key.segment < oldest }
            #expect(gone.count > 5 && gone.contains { $0.value.openCount < 10 } && gone.count < 35)
            expectBooks(buffer, from: oldest, isRestSent: false)
            #expect(destination.cursor.mark >= .start(of: oldest))
        }
        (fixture.retentionAgeMs, fixture.retentionBytes) = (4 * 3_600_000, 1 << 30)
        let buffer = try fixture.open()
        let reader = try buffer.openDestination("a").reader
        expectBooks(buffer, from: oldest, isRestSent: false)
        let kept = frames.filter { $0.key.segment >= oldest && !$0.value.open.isEmpty }
        var outcome = Outcomes()
        var ranges: [Range<BufferPosition>] = []
        var handedOut: [BufferPosition: [Range<Int>]] = [:]
        while let stored = try reader.next() {
            var record = stored.start
            record.sample = 0
            handedOut[record] = stored.open
            for samples in stored.open {
                ranges.append(stored.cover(samples))
                outcome.deliver(samples.count, of: stored.frame.target.job)
            }
        }
        #expect(handedOut == kept.mapValues(\.open), "\(removal), seed \(seed)")
        try reader.answered([7], ranges: ranges, outcome: outcome)
        let none = try reader.next()
        #expect(none == nil && reader.rangeCount == 0 && reader.sent.isEmpty)
        expectBooks(buffer, from: oldest, isRestSent: true)
    }
}
