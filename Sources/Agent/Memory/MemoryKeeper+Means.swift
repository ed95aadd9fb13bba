import Platform
import Scrape

extension MemoryKeeper {
    /// A job as the keeper sees it.
    struct Job: Sendable {
        let name: String
        let activeSeries: @Sendable () -> Int
        /// Samples of new series that were refused so far.
        let refusedSamples: @Sendable () -> UInt64
        /// Asked once a storm, when the job has refused something.
        let widestLabel: @Sendable () -> WidestLabel?
        let setShedsNewSeries: @Sendable (Bool) -> Void
        let setHoldsNewTargets: @Sendable (Bool) -> Void
    }

    /// How it looks and acts. Each is called by one thread at a time, while the keeper's lock is held.
    struct Means: Sendable {
        let resident: @Sendable () -> Result<ResidentMemory, FileError>
        /// The jobs that run now.
        let jobs: @Sendable () -> [Job]
        /// Has bodies that wait looked at anew: what all may hold has changed.
        let bodiesLimitChanged: @Sendable () -> Void
        /// Closes idle connections and empties caches.
        let relax: @Sendable () -> Void
        /// Gives free memory back to the kernel. Closes no connection.
        let giveBack: @Sendable () -> Void
    }
}
