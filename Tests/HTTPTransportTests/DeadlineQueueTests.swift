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

    @Test func aQueueThatGivesItsRoomBackStaysAsItIs() {
        var queue = queue([5, 3, 9, 1, 7])
        _ = queue.remove([2])
        queue.giveBackRoom()
        #expect(drained(queue) == [1, 3, 5, 7])
        var empty = DeadlineQueue()
        empty.giveBackRoom()
        #expect(empty.isEmpty)
    }

    @Test(arguments: [0, 1, 2, 100])
    func aQueueThatHadManyMoreGivesTheirRoomBack(left: Int) {
        var queue = queue((0..<1_000).map { UInt64($0) })
        while queue.nextNs ?? .max < 1_000 - UInt64(left) { _ = queue.popDue(nowNs: .max) }
        #expect(queue.room >= 1_000)
        queue.giveBackRoom()
        #expect(queue.room < 2 * left + 16)
        #expect(drained(queue).count == left)
    }

    /// With each rest of its thread it would be copied.
    @Test func aQueueThatHadNoMoreStaysWhereItIs() {
        var queue = queue((0..<300).map { UInt64($0) })
        let room = queue.room
        queue.giveBackRoom()
        #expect(room > 300 && queue.room == room)
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
