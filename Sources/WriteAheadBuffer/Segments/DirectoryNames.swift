internal import Platform
import Synchronization

/// Whether the names in the buffer's directory are durable: a file that was made, renamed or removed is so
/// only once the directory itself was synced.
final class DirectoryNames: Sendable {
    private let directory: String
    private let files: any FileDoor
    private let metrics: BufferMetrics
    private let isDirty = Atomic(false)
    private let hasRemovals = Atomic(false)

    init(directory: String, files: any FileDoor, metrics: BufferMetrics) {
        self.directory = directory
        self.files = files
        self.metrics = metrics
    }

    /// A name came, went or changed.
    func changed() { isDirty.store(true, ordering: .releasing) }

    /// A segment's name went. Its removal may be durable only after the cursors that have answered for it.
    func removed() {
        hasRemovals.store(true, ordering: .releasing)
        changed()
    }

    /// Whether the next sync makes removals durable.
    var owesRemovals: Bool { hasRemovals.load(ordering: .acquiring) }

    /// Makes the names durable. True when they are; else it is counted, told, and to be tried again.
    func sync() -> Bool {
        // Taken before the disk works: what changes meanwhile is for the next time.
        guard isDirty.exchange(false, ordering: .acquiringAndReleasing) else { return true }
        let owed = hasRemovals.exchange(false, ordering: .acquiringAndReleasing)
        do throws(FileError) {
            try files.syncDirectory(directory)
            return true
        } catch {
            if owed { removed() } else { changed() }
            metrics.syncFailed(error)
            return false
        }
    }
}
