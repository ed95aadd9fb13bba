import Platform
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ConditionQueueTests {
    @Test func givesInOrder() {
        let queue = ConditionQueue<Int>()
        for value in 0..<5_000 { #expect(queue.push(value)) }
        for value in 0..<3_000 { #expect(queue.pop() == value) }
        for value in 5_000..<6_000 { #expect(queue.push(value)) }
        for value in 3_000..<6_000 { #expect(queue.pop() == value) }
    }

    @Test func closingLetsWhatIsThereBeFinished() {
        let queue = ConditionQueue<Int>()
        #expect(queue.push(1))
        queue.close()
        #expect(!queue.push(2))
        #expect(queue.pop() == 1)
        #expect(queue.pop() == nil)
        #expect(queue.pop() == nil)
    }

    @Test func whatWasPoppedIsLetGo() {
        final class Item: Sendable {}
        let queue = ConditionQueue<Item>()
        weak var first: Item?
        do {
            let item = Item()
            first = item
            #expect(queue.push(item))
            #expect(queue.push(Item()))
        }
        _ = queue.pop()
        #expect(first == nil)
    }

    @Test func aWaiterIsWokenByAnItemAndByClosing() async {
        let pool = WorkerPool(name: "waiters", threads: 2)
        let queue = ConditionQueue<Int>()
        async let first = pool.run { queue.pop() }
        async let second = pool.run { queue.pop() }
        #expect(queue.push(7))
        queue.close()
        let got = await [first, second]
        #expect(got.compactMap { $0 } == [7])
    }
}
