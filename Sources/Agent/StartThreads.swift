import Configuration
import Discovery
public import Platform

/// The threads without which the agent cannot begin its work. The libraries beneath it wait for ever or trap
/// where they get none, so room for all is asked for before.
public enum StartThreads {
    /// Beside the workers: signals, HTTP, the buffer's keeper, look-ups for discovery, target files, files of
    /// credentials, the status page, deadlines of waits, the keeper of memory, and Swift's own, of which one
    /// would do.
    private static let besideWorkers = 10

    /// Ends the process with a sentence, unless it may have the threads that every configuration needs. To
    /// be called before the first of them is made.
    public static func requireRoom(files: any FileDoor = POSIXFiles()) {
        SystemThread.requireRoom(for: count(workers: workers(files)))
    }

    /// As above once the jobs are known, where they need more. The thread of signals is there by then.
    static func requireRoom(for jobs: [ScrapeConfiguration], files: any FileDoor) {
        let needed = count(workers: workers(files), jobs: jobs)
        guard needed > count(workers: workers(files)) else { return }
        SystemThread.requireRoom(for: needed - 1)
    }

    static func count(workers: Int, jobs: [ScrapeConfiguration] = []) -> Int {
        let looksNamesUp = jobs.contains { !$0.dnsSDConfigs.isEmpty }
        return workers + besideWorkers + (looksNamesUp ? SystemDNS.threadCount : 0)
    }

    private static func workers(_ files: any FileDoor) -> Int {
        CgroupLimits.current(files: files).workerThreads(onlineCores: CgroupLimits.onlineCores)
    }
}
