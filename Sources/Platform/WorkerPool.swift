/// A few threads for work that computes or blocks: parsing a scrape, appending a frame, encoding a request,
/// reading a segment. Whole scrapes and whole requests, never single samples.
public final class WorkerPool: Sendable {
    /// A box: a function as the element of a generic container is wrapped once more each time it is moved
    /// there, and each wrapping is kept and called through.
    private struct Work: Sendable {
        let body: @Sendable () -> Void
    }

    private let queue = ConditionQueue<Work>()

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

    /// Runs `body` on one of the threads and returns its result. Items run in the order they came.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let accepted = queue.push(Work { continuation.resume(with: Result { try body() }) })
            precondition(accepted, "the pool outlives its work: it is closed only in deinit")
        }
    }

    /// As `run`, for a body that does not throw.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let accepted = queue.push(Work { continuation.resume(returning: body()) })
            precondition(accepted, "the pool outlives its work: it is closed only in deinit")
        }
    }

    /// Until the queue is closed and empty.
    private static func work(_ queue: ConditionQueue<Work>) {
        while let work = queue.pop() { work.body() }
    }
}
