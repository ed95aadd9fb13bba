import Synchronization

/// A few threads for work that computes or blocks: parsing a scrape, appending a frame, encoding a request,
/// reading a segment. Whole scrapes and whole requests, never single samples.
///
/// Tasks may prefer it as their executor: they then run on its threads, and what they have `run` there is
/// done at once, by the thread that they are on. A task that waits, for the network or an event, costs one
/// change of thread where it goes on, and none for its work.
public final class WorkerPool: TaskExecutor {
    /// A box: a function as the element of a generic container is wrapped once more each time it is moved
    /// there, and each wrapping is kept and called through.
    private struct Work: Sendable {
        let body: @Sendable () -> Void
    }

    private let queue = ConditionQueue<Work>()
    private let jobs = Atomic<UInt64>(0)

    /// How many parts of tasks that prefer this pool have come so far; for tests.
    package var jobCount: UInt64 { jobs.load(ordering: .sequentiallyConsistent) }

    /// Starts `threads` threads named `name`, while the process starts: it ends when they cannot be made
    /// (`SystemThread.startOrExit`).
    public init(name: String, threads: Int) {
        precondition(threads > 0, "a pool without threads never finishes anything")
        for _ in 0..<threads {
            SystemThread.startOrExit(name: name) { [queue] in Self.work(queue) }
        }
    }

    /// As above for a pool that is made later on: throws when a thread of it cannot be made.
    public init(whileRunning name: String, threads: Int) throws(ThreadError) {
        precondition(threads > 0, "a pool without threads never finishes anything")
        let queue = queue
        do throws(ThreadError) {
            for _ in 0..<threads {
                try SystemThread.start(name: name) { Self.work(queue) }
            }
        } catch {
            // Those that have begun end.
            queue.close()
            throw error
        }
    }

    deinit { queue.close() }

    /// Runs `body` on one of the threads, some time. Nobody waits for it: what it finds out it hands on by
    /// itself.
    public func post(_ body: @escaping @Sendable () -> Void) {
        let accepted = queue.push(Work(body: body))
        precondition(accepted, "the pool outlives its work: it is closed only in deinit")
    }

    /// Runs a part of a task that prefers this pool.
    public func enqueue(_ job: consuming ExecutorJob) {
        // Safety: a job that was enqueued is run once.
        let job = UnownedJob(job)
        jobs.wrappingAdd(1, ordering: .sequentiallyConsistent)
        post { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Whether the caller is a part of a task that prefers this pool, and so on one of its threads.
    private var isCallers: Bool {
        // Safety: nothing of the task is kept.
        unsafe withUnsafeCurrentTask { unsafe $0?.unownedTaskExecutor == asUnownedTaskExecutor() }
    }

    /// Runs `body` on one of the threads and returns its result. Items run in the order they came, except
    /// that a task which is on one of the threads runs its own at once.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        if isCallers { return try body() }
        return try await withCheckedThrowingContinuation { continuation in
            let accepted = queue.push(Work { continuation.resume(with: Result { try body() }) })
            precondition(accepted, "the pool outlives its work: it is closed only in deinit")
        }
    }

    /// As `run`, for a body that does not throw.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        if isCallers { return body() }
        return await withCheckedContinuation { continuation in
            let accepted = queue.push(Work { continuation.resume(returning: body()) })
            precondition(accepted, "the pool outlives its work: it is closed only in deinit")
        }
    }

    /// Until the queue is closed and empty.
    private static func work(_ queue: ConditionQueue<Work>) {
        while let work = queue.pop() {
            work.body()
            Heap.restIfAsked()
        }
    }
}
