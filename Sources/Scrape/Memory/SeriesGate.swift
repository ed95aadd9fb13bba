import Platform
import Synchronization

/// Whether series that are new come in while memory is short, for all targets of a job. Thread-safe.
final class SeriesGate: Sendable {
    /// What new series take their bytes from.
    let room: MemoryRoom
    private let sheds = Atomic<Bool>(false)

    /// Lines that are shed and kept for a page although there is no room for them: so many, and one more for
    /// each four series that the target has. Thousands of targets that come at once have none.
    let leastFreeShedLines: Int
    /// No page keeps more of them than this.
    let mostFreeShedLines: Int

    /// Open until the room is used up or `shedsNewSeries` is set.
    init(room: MemoryRoom = MemoryRoom(), leastFreeShedLines: Int = 64, mostFreeShedLines: Int = 4_096) {
        self.room = room
        self.leastFreeShedLines = leastFreeShedLines
        self.mostFreeShedLines = mostFreeShedLines
    }

    /// While it is on, a series that its target did not have in its last good scrape is left out.
    var shedsNewSeries: Bool {
        get { sheds.load(ordering: .relaxed) }
        set { sheds.store(newValue, ordering: .relaxed) }
    }
}
