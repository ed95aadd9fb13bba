import MetricModel
import Platform
import Synchronization
import Telemetry
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
