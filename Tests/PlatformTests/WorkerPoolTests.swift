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

    /// A task that prefers the pool is on its threads before and after it has waited, and what it has `run`
    /// there is done at once, by the thread that it is on.
    @Test func aTaskThatPrefersThePoolStaysOnItsThread() async {
        let pool = WorkerPool(name: "pool", threads: 1)
        let other = WorkerPool(name: "other", threads: 1)
        let thread = await pool.run { UInt(pthread_self()) }
        let event = Event()
        await withDiscardingTaskGroup { group in
            group.addTask(executorPreference: pool) {
                #expect(UInt(pthread_self()) == thread)
                // It would wait for ever if it were put behind the task, for the pool has one thread.
                #expect(await pool.run { UInt(pthread_self()) } == thread)
                await #expect(throws: Failure(number: 2)) {
                    try await pool.run { () throws -> Int in throw Failure(number: 2) }
                }
                #expect(await other.run { UInt(pthread_self()) } != thread)
                #expect(UInt(pthread_self()) == thread)
                await event.wait()
                #expect(UInt(pthread_self()) == thread)
            }
            group.addTask {
                #expect(await pool.run { UInt(pthread_self()) } == thread)
                event.signal()
            }
        }
    }

    /// A pool that is let go of runs what tasks have still to do on it.
    @Test func aTaskOutlivesItsPool() async {
        var pool: WorkerPool? = WorkerPool(name: "pool", threads: 1)
        let event = Event()
        let task = pool.map { pool in Task(executorPreference: pool) { await event.wait() } }
        pool = nil
        event.signal()
        #expect(await task?.value == .signalled)
    }
}
