import Testing

@testable import Platform

@Suite(.timeLimit(.minutes(1)))
struct HeapTests {
    @Test func aThreadRestsWhenItIsAsked() async {
        let pool = WorkerPool(name: "pool", threads: 1)
        await pool.run {
            Heap.askThreadsToRest()
            #expect(Heap.restIfAsked())
        }
    }

    @Test func whatIsInUseStaysAsItIs() async {
        let pool = WorkerPool(name: "pool", threads: 2)
        let blocks = await pool.run { (0..<1_000).map { Array(repeating: UInt8($0 & 255), count: 8 + $0) } }
        for _ in 0..<20 {
            Heap.askThreadsToRest()
            await pool.run { Heap.trim() }
        }
        #expect(blocks.enumerated().allSatisfy { $1 == Array(repeating: UInt8($0 & 255), count: 8 + $0) })
    }
}
