import MetricModel
import Platform
import Testing

@testable import WriteAheadBuffer

struct MemorySegmentTests {
    private let memory = MemoryAccount(framesBytes: 10_000)
    private let target = TestFrames.target()
    private let layout = Layout([TestFrames.chunk("m", count: 10)])

    private func frame(_ value: Double, _ target: Target? = nil, _ layout: Layout? = nil) -> Frame {
        TestFrames.frame(target ?? self.target, layout ?? self.layout, at: Int64(value), first: value)
    }

    private func take(_ segment: MemorySegment, _ frame: Frame, at ns: UInt64 = 0) -> Bool {
        segment.take(frame, appendedNs: ns, elapsedNs: ns)
    }

    private func at(_ offset: UInt64, _ sample: UInt32 = 0) -> BufferPosition {
        BufferPosition(segment: 7, offset: offset, sample: sample)
    }

    @Test func framesStandOneBehindTheOtherAndGoFromTheBeginning() throws {
        let segment = MemorySegment(number: 7, memory: memory, knownTargets: [target.id])
        for value in 0..<5 { #expect(take(segment, frame(Double(value)))) }
        #expect(segment.length == 85 && segment.jobSamples == ["node": 50])
        let charged = memory.usedBytes(of: .frames)
        #expect(charged == 5 * (256 + 80))
        #expect(segment.entry(from: 0)?.place == 80 && segment.entry(from: 84)?.entry.frame.values[0] == 4)
        #expect(segment.entry(from: 85) == nil)
        let oldest = segment.oldest(before: 83)
        #expect(oldest.entries.map(\.frame.values[0]) == [0, 1, 2] && oldest.end == at(83))
        #expect(oldest.bytes == charged / 5 * 3 && memory.usedBytes(of: .frames) == charged)
        #expect(segment.remove(before: 83) == 3)
        #expect(segment.entry(from: 80)?.place == 83 && segment.length == 85)
        #expect(segment.isGone(82) && !segment.isGone(83))
        #expect(memory.usedBytes(of: .frames) == charged / 5 * 2)
        // Those that are gone count for what a reader that comes later may have missed.
        #expect(segment.jobSamples == ["node": 50])
        #expect(segment.remove(before: 10) == 0 && segment.oldest(before: 10).end == at(83))
        #expect(segment.oldest(before: .max).end == at(85))
        #expect(segment.remove(before: .max) == 2 && memory.usedBytes(of: .frames) == 0)
        #expect(take(segment, frame(9)) && segment.entry(from: 0)?.place == 85)
    }

    /// What a file is written from: frames by their places, and what went before them.
    @Test func whatIsLeftAndWhatHasGone() throws {
        let memory = MemoryAccount(framesBytes: 1 << 20)
        let segment = MemorySegment(number: 7, memory: memory)
        #expect(segment.front.place == 80 && segment.front.gone.isEmpty)
        for value in 0..<200 { #expect(take(segment, frame(Double(value)))) }
        segment.remove(before: 80 + 130)
        #expect(segment.front.place == 210 && segment.front.gone == ["node": 1_300])
        #expect(segment.entries(from: 209, atMost: 5, bytes: 1 << 20) == nil)
        let entries = try #require(segment.entries(from: 210, atMost: 5, bytes: 1 << 20))
        #expect(entries.map(\.frame.values[0]) == [130, 131, 132, 133, 134])
        #expect(try #require(segment.entries(from: 277, atMost: 5, bytes: 1 << 20)).count == 3)
        #expect(try #require(segment.entries(from: 280, atMost: 5, bytes: 1 << 20)).isEmpty)
        segment.end()
        segment.remove(before: .max)
        #expect(segment.front.place == 280 && segment.front.gone == ["node": 2_000])
        #expect(try #require(segment.entries(from: 280, atMost: 5, bytes: 1 << 20)).isEmpty)
    }

    @Test func manyFramesKeepTheirPlaces() throws {
        let memory = MemoryAccount(framesBytes: 1 << 20)
        let segment = MemorySegment(number: 7, memory: memory)
        var next = 0
        for round in 1...20 {
            for _ in 0..<100 {
                #expect(take(segment, frame(Double(next))))
                next += 1
            }
            segment.remove(before: 80 + UInt64(round * 97))
            let first = try #require(segment.entry(from: 0))
            #expect(first.place == 80 + UInt64(round * 97))
            #expect(first.entry.frame.values[0] == Double(round * 97))
            #expect(segment.length == 80 + UInt64(next))
        }
    }

    @Test func whatDoesNotFitChangesNothingAndAllIsGivenBack() {
        do {
            let segment = MemorySegment(number: 7, memory: memory, knownTargets: [target.id])
            var taken = 0
            while take(segment, frame(0)) { taken += 1 }
            #expect(taken == 10_000 / 336 && segment.length == 80 + UInt64(taken))
            #expect(memory.usedBytes(of: .frames) == taken * 336)
        }
        #expect(memory.usedBytes(of: .frames) == 0)
    }

    /// A target that makes its lines anew each time: the layouts that only its frames hold are charged.
    @Test func layoutsThatNobodyElseHoldsAreCharged() {
        let segment = MemorySegment(number: 7, memory: memory, knownTargets: [target.id])
        #expect(take(segment, frame(0)))
        let plain = memory.usedBytes(of: .frames)
        #expect(take(segment, frame(1)) && memory.usedBytes(of: .frames) == 2 * plain)
        let other = TestFrames.chunk("other", count: 10)
        #expect(take(segment, frame(2, target, Layout([other]))))
        let changed = memory.usedBytes(of: .frames) - 2 * plain
        #expect(changed > plain + other.heldBytes)
        // Another target has the same lines: they are held once.
        let second = TestFrames.target("second")
        #expect(take(segment, frame(3, second, Layout([other]))))
        #expect(memory.usedBytes(of: .frames) == 3 * plain + changed)
        // A target that nobody knew before, with lines of its own.
        let third = TestFrames.target("third")
        #expect(take(segment, frame(4, third, Layout([TestFrames.chunk("more", count: 10)]))))
        #expect(memory.usedBytes(of: .frames) > 4 * plain + changed + other.heldBytes)
        segment.remove(before: .max)
        #expect(memory.usedBytes(of: .frames) == 0)
    }

    /// Nothing of a target is there any more: nobody else may hold its lines.
    @Test func layoutsOfTargetsThatAreGoneAreLetGo() {
        let memory = MemoryAccount(framesBytes: 1 << 20)
        let segment = MemorySegment(number: 7, memory: memory)
        weak var held: LayoutChunk?
        for number in 0..<70 {
            let chunk = TestFrames.chunk("m\(number)_", count: 10)
            if number == 0 { held = chunk }
            #expect(take(segment, frame(0, TestFrames.target("t:\(number)"), Layout([chunk]))))
        }
        #expect(held != nil)
        segment.remove(before: .max)
        #expect(held == nil)
    }

    /// It keeps its place in the log while those before it are there, and nobody is charged for it.
    @Test func aSegmentThatHasEndedAndIsEmptyHoldsNothing() {
        let memory = MemoryAccount(framesBytes: 1 << 20)
        let segment = MemorySegment(number: 7, memory: memory, knownTargets: Set(1...1_000))
        weak var held: LayoutChunk?
        do {
            let chunk = TestFrames.chunk("m", count: 10)
            held = chunk
            for value in 0..<100 { #expect(take(segment, frame(Double(value), target, Layout([chunk])))) }
        }
        #expect(segment.heldPlaces > 1_100)
        segment.remove(before: 90)
        segment.end()
        #expect(segment.entry(from: 0)?.place == 90 && held != nil)
        segment.remove(before: .max)
        #expect(held == nil && segment.heldPlaces == 0 && memory.usedBytes(of: .frames) == 0)
        #expect(segment.length == 180 && segment.isGone(179) && segment.entry(from: 0) == nil)
        #expect(segment.jobSamples == ["node": 1_000] && segment.oldest(before: .max).first == 180)
        let empty = MemorySegment(number: 8, memory: memory, knownTargets: [1])
        empty.end()
        #expect(empty.heldPlaces == 0 && empty.length == 80)
    }

    @Test func theListGivesItsRoomBackWithTheFrames() {
        let memory = MemoryAccount(framesBytes: 1 << 20)
        let segment = MemorySegment(number: 7, memory: memory)
        for value in 0..<1_000 { #expect(take(segment, frame(Double(value)))) }
        segment.remove(before: 80 + 900)
        #expect(segment.heldPlaces < 500 && segment.entry(from: 0)?.place == 980)
    }

    @Test func whatIsOpenIsCountedByPlaces() {
        let segment = MemorySegment(number: 7, memory: memory)
        for (value, job) in ["a", "b", "a", "a"].enumerated() {
            #expect(take(segment, frame(Double(value), TestFrames.target(job: job))))
        }
        var places = AnsweredPlaces()
        #expect(segment.open(from: .start(of: 3), places) == ["a": 30, "b": 10])
        #expect(segment.open(from: at(81, 4), places) == ["a": 20, "b": 6])
        places.ranges.insert(at(82, 2)..<at(83))
        #expect(segment.open(from: at(81, 4), places) == ["a": 12, "b": 6])
        #expect(segment.open(from: .start(of: 8), places) == [:])
        let oldest = segment.oldest(before: 83)
        #expect(oldest.open(from: at(81, 4), places) == ["a": 2, "b": 6])
        #expect(oldest.open(from: .start(of: 7), AnsweredPlaces()) == ["a": 20, "b": 10])
        segment.remove(before: 83)
        #expect(segment.open(from: .start(of: 3), AnsweredPlaces()) == ["a": 10])
    }

    @Test func placesAreFoundByBytesAndByAge() {
        let segment = MemorySegment(number: 7, memory: memory, knownTargets: [target.id])
        for value in 0..<5 { #expect(take(segment, frame(0), at: UInt64(value) * 10)) }
        #expect(segment.place(freeing: 0) == 80 && segment.place(freeing: 1) == 81)
        #expect(segment.place(freeing: 337) == 82 && segment.place(freeing: .max) == 85)
        #expect(segment.place(before: 0) == 80 && segment.place(before: 25) == 83)
        #expect(segment.place(before: .max) == 85)
    }
}
