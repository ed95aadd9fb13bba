import Glibc
import Platform
import Testing

@Suite(.timeLimit(.minutes(1)))
struct WorkerPoolTests {
    struct Failure: Error, Equatable { let number: Int }

    @Test func returnsValuesAndErrors() async throws {
        let pool = WorkerPool(name: "pool", threads: 2)
        #expect(await pool.run { 42 } == 42)
        await #expect(throws: Failure(number: 3)) {
            try await pool.run { () throws -> Int in throw Failure(number: 3) }
        }
    }

    @Test func runsMuchOnFewThreads() async {
        let pool = WorkerPool(name: "pool", threads: 3)
        let threads = await withTaskGroup(of: UInt.self) { group in
            for _ in 0..<500 {
                group.addTask { await pool.run { UInt(pthread_self()) } }
            }
            return await group.reduce(into: Set<UInt>()) { $0.insert($1) }
        }
        #expect((1...3).contains(threads.count))
    }

    @Test func workOutlivesItsPool() async {
        var pool: WorkerPool? = WorkerPool(name: "pool", threads: 1)
        let result = await pool?.run { 1 }
        pool = nil
        #expect(result == 1)
    }
}
