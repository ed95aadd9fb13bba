import Testing

@testable import HTTPTransport

/// Who is due when.
struct DeadlineQueueTests {
    private final class Nothing: HTTPExchange {
        func begin() -> HTTPRequest? { nil }
        func end(_ result: Result<HTTPResponse, HTTPError>) {}
    }

    private func queue(_ deadlines: [UInt64]) -> DeadlineQueue {
        var queue = DeadlineQueue()
        for (index, deadline) in deadlines.enumerated() {
            queue.insert(.init(id: UInt64(index), deadlineNs: deadline, exchange: Nothing()))
        }
        return queue
    }

    private func drained(_ queue: DeadlineQueue, nowNs: UInt64 = .max) -> [UInt64] {
        var queue = queue
        var deadlines: [UInt64] = []
        while let entry = queue.popDue(nowNs: nowNs) { deadlines.append(entry.deadlineNs) }
        return deadlines
    }

    @Test func comesInTheOrderOfTime() {
        var random = SystemRandomNumberGenerator()
        for count in [0, 1, 2, 3, 10, 257] {
            let deadlines = (0..<count).map { _ in UInt64.random(in: 0..<100, using: &random) }
            #expect(drained(queue(deadlines)) == deadlines.sorted(), "\(deadlines)")
        }
    }

    @Test func thoseOfOneTimeComeInTheOrderTheyWerePutIn() {
        var queue = queue([7, 7, 7, 7, 7])
        var ids: [UInt64] = []
        while let entry = queue.popDue(nowNs: 7) { ids.append(entry.id) }
        #expect(ids == [0, 1, 2, 3, 4])
    }

    @Test func nothingComesBeforeItsTime() {
        let queue = queue([30, 10, 20])
        #expect(queue.nextNs == 10)
        #expect(drained(queue, nowNs: 9) == [])
        #expect(drained(queue, nowNs: 20) == [10, 20])
    }

    @Test func whatIsTakenOutDoesNotCome() {
        var queue = queue([5, 4, 3, 2, 1, 9, 8])
        let removed = queue.remove([0, 4, 6, 99])
        #expect(Set(removed.map(\.deadlineNs)) == [5, 1, 8])
        #expect(queue.remove([77]).isEmpty)
        #expect(drained(queue) == [2, 3, 4, 9])
        #expect(queue.removeAll().count == 4)
        #expect(queue.isEmpty && queue.nextNs == nil)
    }
}
