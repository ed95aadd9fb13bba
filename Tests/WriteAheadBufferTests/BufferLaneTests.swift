import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct BufferLaneTests {
    @Test func aReaderAtTheEndOfARemovedSegmentGoesOn() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        let lane = try buffer.openDestination("a", lanes: 1).lane(0)
        for value in 1...5 {
            try buffer.append(fixture.frame(Double(value)))
            let stored = try #require(try lane.next())
            #expect(stored.frame.values[0] == Double(value))
            if value == 3 { try buffer.append(fixture.frame(100)) }
            try lane.deliver([stored])
            buffer.removeAnswered()
            if value == 3 { #expect(try lane.drain().count == 1) }
        }
        #expect(try lane.next() == nil)
        #expect(try fixture.segmentPaths.count <= 2)
    }

    @Test func aLaneWithoutTargetsDoesNotHoldSegments() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        let destination = try buffer.openDestination("a", lanes: 4)
        for value in 0..<10 {
            try buffer.append(fixture.frame(Double(value)))
            for lane in 0..<4 { try destination.lane(lane).drain() }
        }
        buffer.removeAnswered()
        #expect(try fixture.segmentPaths.count == 1)
    }

    @Test func anAnswerBeyondWhatWasHandedOutIsRefused() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let lane = try buffer.openDestination("a", lanes: 1).lane(0)
        for value in 1...2 { try buffer.append(fixture.frame(Double(value))) }
        let first = try #require(try lane.next())
        let beyond = BufferPosition(segment: first.end.segment, offset: first.end.offset + 1)
        for end in [beyond, .init(segment: 99, offset: 0)] {
            #expect(throws: BufferError.self) { try lane.willSend(upTo: end) }
            #expect(throws: BufferError.self) { try lane.answered(upTo: end, outcome: Outcomes()) }
        }
        try lane.deliver([first])
        #expect(throws: BufferError.self) { try lane.answered(upTo: first.start, outcome: Outcomes()) }
    }

    @Test func onlyTheLaneOfTheTargetIsWoken() async throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let destination = try buffer.openDestination("a", lanes: 2)
        let mine = Int(fixture.target.id % 2)
        for lane in 0..<2 { #expect(try destination.lane(lane).next() == nil) }
        let counts = (0..<2).map { destination.lane($0).appended.count }
        try buffer.append(fixture.frame(1))
        #expect(destination.lane(mine).appended.count == counts[mine] + 1)
        #expect(destination.lane(1 - mine).appended.count == counts[1 - mine])
        // What came between `next` and the wait ends the wait at once: the clock stands still.
        await destination.lane(mine).waitForMore(until: .max)
    }

    @Test func aWaitEndsWithAnAppendADeadlineOrACancel() async throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let lane = try buffer.openDestination("a", lanes: 1).lane(0)
        #expect(try lane.next() == nil)
        let clock = fixture.clock
        let deadlineNs = clock.monotonicNs + 5_000_000
        let waiting = Task { await lane.waitForMore(until: deadlineNs) }
        while clock.sleeperCount == 0 { await Task.yield() }
        clock.advance(ms: 5)
        await waiting.value
        let second = Task { await lane.waitForMore(until: .max) }
        while clock.sleeperCount == 0 { await Task.yield() }
        try buffer.append(fixture.frame(1))
        await second.value
        #expect(try lane.next() != nil)
        #expect(try lane.next() == nil)
        let third = Task { await lane.waitForMore(until: .max) }
        third.cancel()
        await third.value
    }

    @Test func memoryDoesNotGrowWithTheBacklog() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 20_000
        let buffer = try fixture.open()
        for value in 0..<2_000 { try buffer.append(fixture.frame(Double(value) / 3)) }
        let lane = try buffer.openDestination("a", lanes: 1).lane(0)
        #expect(try fixture.segmentPaths.count > 4)
        while let stored = try lane.next() {
            try lane.deliver([stored])
            #expect(lane.readerFootprint.windowBytes <= RecordWindow.pieceBytes)
            #expect(lane.readerFootprint.places <= 3)
        }
    }
}
