import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct AppendedSamplesTests {
    @Test func anEventIsGivenOnceItsTotalIsReached() {
        var samples = AppendedSamples()
        let event = Event()
        let given = [5, 0, 2, 1, 1_000].enumerated().map { index, count in
            if index == 1 { _ = samples.expect(event, at: 8) }
            return samples.append(UInt64(count))
        }
        #expect(given.map { $0 === event } == [false, false, false, true, false], "it is given once")
        #expect(samples.total == 1_008)
    }

    @Test func aTotalThatIsThereIsNotWaitedFor() {
        var samples = AppendedSamples()
        _ = samples.append(5)
        let isThere = samples.expect(Event(), at: 5)
        #expect(isThere)
        let given = samples.append(1)
        #expect(given == nil)
    }

    @Test func theLastThatIsAskedForTakesThePlaceOfTheOneBefore() {
        var samples = AppendedSamples()
        let (first, second) = (Event(), Event())
        _ = samples.expect(first, at: 1)
        _ = samples.expect(second, at: 2)
        let given = [samples.append(1), samples.append(1)]
        #expect(given[0] == nil && given[1] === second)
    }

    /// What counts is what was appended since the reader met the tail, whenever it asks.
    @Test func aReaderIsToldOnceEnoughWasAppended() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let reader = try buffer.openStream("a").reader
        let event = Event()
        try buffer.append(fixture.frame(1))
        while try reader.next() != nil {}
        reader.signal(event, onceAppended: 20)
        try buffer.append(fixture.frame(2))
        #expect(!event.isSignalled)
        try buffer.append(fixture.frame(3))
        #expect(event.count == 1)
        try buffer.append(fixture.frame(4))
        #expect(event.count == 1)
        // Thirty samples are there that it has not read.
        reader.signal(event, onceAppended: 30)
        #expect(event.count == 2)
        reader.signal(event, onceAppended: 31)
        #expect(event.count == 2)
        while try reader.next() != nil {}
        reader.signal(event, onceAppended: 0)
        #expect(event.count == 2)
        try buffer.append(fixture.frame(5))
        #expect(event.count == 3)
    }

    /// A reader that an append wakes has the samples of that append: they do not count once more as appended
    /// since.
    @Test func whatWakesAReaderIsCountedBefore() async throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let reader = try buffer.openStream("a").reader
        let event = Event()
        while try reader.next() != nil {}
        let seen = reader.appended.count
        let woken = Task(executorPreference: AtOnce()) {
            await reader.appended.wait(after: seen)
            while try reader.next() != nil {}
            reader.signal(event, onceAppended: 20)
        }
        // The task reads within this call.
        try buffer.append(fixture.frame(1))
        try await woken.value
        try buffer.append(fixture.frame(2))
        #expect(!event.isSignalled)
        try buffer.append(fixture.frame(3))
        #expect(event.count == 1)
    }
}

/// Runs what is ready on the thread that has made it ready, within that call.
private final class AtOnce: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        // Safety: the job was handed over to this executor, which runs it once.
        unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }
}
