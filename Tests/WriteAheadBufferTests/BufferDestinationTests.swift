import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// While the disk stands still, whoever only wants figures does not wait for it.
struct BufferDestinationTests {
    enum Work: CaseIterable, Sendable { case append, rotate, read, answer, sync, retire }

    /// The door for one operation: who comes says so and waits until it is opened.
    private final class Stall: Sendable {
        let entered = ConditionQueue<Bool>()
        private let gate = ConditionQueue<Bool>()

        func pass() {
            _ = entered.push(true)
            _ = gate.pop()
        }

        func release() { gate.close() }
    }

    private func stalls(_ work: Work, _ operation: FaultyFiles.Operation, _ path: String) -> Bool {
        switch work {
        case .append: operation == .write && path.hasSuffix(".segment")
        case .rotate: operation == .open && path.hasSuffix(".segment")
        case .read, .retire: operation == .read && path.hasSuffix(".segment")
        case .answer: operation == .write && path.contains("cursor-")
        case .sync: operation == .sync
        }
    }

    /// As many requests in flight as a cursor remembers are noted, and no more: all of them are read again.
    @Test func requestsBeyondWhatACursorRemembersAreNotNoted() throws {
        let fixture = try BufferFixture()
        let most = UInt64(InFlightSize.mostRequests)
        let sent: [UInt64: SentRequest]
        do {
            let buffer = try fixture.open()
            let reader = try buffer.openDestination("a").reader
            try buffer.append(fixture.frame(1))
            let stored = try #require(try reader.next())
            let request = SentRequest(spans: [stored.cover(0..<10)])
            try reader.willSend(Dictionary(uniqueKeysWithValues: (0..<most).map { ($0, request) }))
            try reader.willSend([most: request])
            #expect(UInt64(reader.sent.count) == most && reader.sent[most] == nil)
            // A request that is cut in two where there is no room is forgotten; then there is room again.
            try reader.willSend([most + 1: request, most + 2: request], replacing: [3])
            #expect(UInt64(reader.sent.count) == most - 1 && reader.sent[3] == nil)
            try reader.willSend([most + 3: request])
            sent = reader.sent
            #expect(UInt64(sent.count) == most && sent[most + 3] == request)
        }
        let buffer = try fixture.open()
        #expect(try buffer.openDestination("a").reader.sent == sent)
    }

    /// What is in flight to another receiver is not taken to be stored by this one, whether the receiver is
    /// another one in the middle of a run or at a start.
    @Test(arguments: [false, true]) func anotherReceiverIsNotTakenToHaveTheRequestInFlight(
        restarts: Bool
    ) throws {
        let fixture = try BufferFixture()
        var buffer = try fixture.open()
        var stream = try buffer.openStream("a")
        stream.destination.begin(for: 7)
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        let frames = try stream.all()
        try stream.deliver(Array(frames[..<1]))
        try stream.willSend(upTo: frames[1].end)
        func begin(for receiver: UInt64) throws {
            if restarts {
                try buffer.close()
                buffer = try fixture.open()
                stream = try buffer.openStream("a")
            } else {
                stream.rewind()
            }
            stream.destination.begin(for: receiver)
        }
        try begin(for: 7)
        #expect(stream.inFlightEnd == frames[1].end, "it is the same receiver")
        try begin(for: 8)
        #expect(stream.inFlightEnd == nil)
        #expect(
            stream.reader.receiver
                == ReceiverNote(receiver: 8, protocolVersion: 0, foundMs: fixture.clock.wallMs))
        try buffer.close()
        let next = try fixture.open()
        let again = try next.openStream("a")
        #expect(again.inFlightEnd == nil && again.reader.receiver?.receiver == 8)
        #expect(try again.drain().map { $0.frame.values[0] } == [1, 2])
        try next.close()
    }

    /// A cursor of an older version does not say where the requests in flight went: they are kept.
    @Test func whereNobodyHasToldTheReceiverWhatIsInFlightIsKept() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try buffer.append(fixture.frame(0))
        let frames = try stream.all()
        try stream.willSend(upTo: frames[0].end)
        stream.destination.begin(for: 7)
        #expect(stream.inFlightEnd == frames[0].end && stream.reader.receiver?.receiver == 7)
        // What a sender has learned of the receiver is not forgotten by the next.
        let note = ReceiverNote(receiver: 7, protocolVersion: 2, foundMs: 5)
        stream.reader.note(note)
        stream.destination.begin(for: 7)
        #expect(stream.reader.receiver == note && stream.inFlightEnd == frames[0].end)
        try buffer.close()
    }

    /// A cursor that cannot be written when a sender begins is written anew with the next sync.
    @Test func anotherReceiverIsNotedOnceTheDiskTakesIt() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        stream.destination.begin(for: 7)
        try buffer.append(fixture.frame(0))
        let frames = try stream.all()
        try stream.willSend(upTo: frames[0].end)
        fixture.files.fail { operation, path in
            operation == .write && path.contains("cursor-") ? FaultyFiles.Fault(errno: 5) : nil
        }
        stream.rewind()
        stream.destination.begin(for: 8)
        fixture.files.fail(nil)
        #expect(stream.inFlightEnd == nil && stream.reader.receiver?.receiver == 8)
        try stream.destination.sync()
        let read = try CursorLog.read(stream.destination.logPath, files: fixture.files)
        #expect(read.state == stream.destination.cursor && read.state?.sent.isEmpty == true)
        try buffer.close()
    }

    /// The new receiver is not written down where the end of the requests to the one before is not: after a
    /// crash they would be taken for requests to the new one.
    @Test func anotherReceiverIsNotNotedBeforeTheEndOfWhatWasInFlight() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        stream.destination.begin(for: 7)
        try buffer.append(fixture.frame(0))
        let frames = try stream.all()
        try stream.willSend(upTo: frames[0].end)
        try stream.destination.sync()
        let hasFailed = Mutex(false)
        fixture.files.fail { operation, path in
            guard operation == .write, path.contains("cursor-") else { return nil }
            return hasFailed.withLock { hasFailed in
                defer { hasFailed = true }
                return hasFailed ? nil : FaultyFiles.Fault(errno: 5)
            }
        }
        stream.rewind()
        stream.destination.begin(for: 8)
        fixture.files.fail(nil)
        let read = try CursorLog.read(stream.destination.logPath, files: fixture.files)
        #expect(hasFailed.withLock { $0 })
        #expect(read.state?.receiver?.receiver == 7 && read.state?.sent.isEmpty == false)
        try buffer.close()
    }

    @Test(arguments: Work.allCases) func figuresAreReadWhileTheDiskStandsStill(work: Work) async throws {
        // Not on Swift's cooperative pool: this thread waits.
        try await WorkerPool(name: "test", threads: 1).run { try check(work) }
    }

    private func check(_ work: Work) throws {
        let fixture = try BufferFixture()
        if work == .rotate || work == .retire { fixture.segmentSizeBytes = 1 }
        if work == .retire { fixture.retentionBytes = 1_000 }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<6 { try buffer.append(fixture.frame(Double(value))) }
        let first = try #require(try stream.next())
        let before = buffer.ledger()
        let stall = Stall()
        fixture.files.fail { operation, path in
            if stalls(work, operation, path) { stall.pass() }
            return nil
        }
        let frame = fixture.frame(7)
        let ended = ConditionQueue<Bool>()
        SystemThread.startOrExit(name: "work") {
            // What it throws or returns is not the question here.
            switch work {
            case .append, .rotate: try? buffer.append(frame)
            case .read:
                stream.rewind()
                _ = try? stream.next()
            case .answer: try? stream.willSend(upTo: first.end)
            case .sync: buffer.sync()
            case .retire: buffer.enforceRetention()
            }
            _ = ended.push(true)
        }
        // True from the readers; false when they have been waited for in vain.
        let outcome = ConditionQueue<Bool>()
        SystemThread.startOrExit(name: "watchdog") {
            SystemThread.pause(ms: 20_000)
            _ = stall.entered.push(false)
            _ = outcome.push(false)
        }
        #expect(stall.entered.pop() == true, "\(work): the disk was not asked")

        let registry = fixture.registry
        let ledger = Mutex<BufferLedger?>(nil)
        SystemThread.startOrExit(name: "reader") {
            let now = buffer.ledger()
            ledger.withLock { $0 = now }
            _ = (buffer.appendedHighestTimestampMs, buffer.sizeBytes, registry.render(), stream.inFlightEnd)
            _ = outcome.push(true)
        }
        let reached = outcome.pop()
        stall.release()
        _ = ended.pop()
        #expect(reached == true, "\(work): a reader of figures waited for the disk")
        if work != .read { #expect(ledger.withLock { $0 } == before) }
        fixture.files.fail(nil)
        try buffer.close()
    }
}
