import Platform
import Synchronization

/// Runs tasks on a thread of its own, and counts their jobs.
final class CountingExecutor: TaskExecutor {
    private let thread = WorkerPool(name: "tasks", threads: 1)
    private let jobs = Mutex<UInt64>(0)

    /// Jobs that have come so far.
    var count: UInt64 { jobs.withLock { $0 } }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0 += 1 }
        // Safety: the job was handed over to this executor, which runs it once.
        thread.post { [self] in unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    /// Returns when all are over that have come before.
    func drained() async { await thread.run {} }
}
