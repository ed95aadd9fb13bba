internal import MetricModel
internal import Platform
internal import Synchronization

/// What the buffer and its destinations share.
final class BufferCore: Sendable {
    let directory: String
    let catalog: SegmentCatalog
    let interner: LayoutInterner
    let files: any FileDoor
    let clock: any AgentClock
    let metrics: BufferMetrics
    let reserve: DiskReserve
    let names: DirectoryNames
    /// What readers and windows hold is charged to it.
    let memory: MemoryAccount
    let recent: RecentFrames
    /// Bytes of the columns that the appender keeps as bases of the targets' next ones.
    let baseBytes = Atomic<Int>(0)
    /// Frames go to memory.
    let isDiskRefusing = Atomic(false)
    /// What the disk said when frames began to go to memory; nil while it takes them.
    let refusal = Mutex<FileError?>(nil)
    private let salts: @Sendable () -> UInt32

    private struct Owner: Sendable {
        weak var buffer: WriteAheadBuffer?
    }

    private let owner = Mutex(Owner())

    init(
        directory: String, catalog: SegmentCatalog, interner: LayoutInterner, files: any FileDoor,
        clock: any AgentClock, metrics: BufferMetrics, reserve: DiskReserve, memory: MemoryAccount,
        recentFrameBytes: Int, salts: @escaping @Sendable () -> UInt32
    ) {
        self.directory = directory
        self.catalog = catalog
        self.interner = interner
        self.files = files
        self.clock = clock
        self.metrics = metrics
        self.reserve = reserve
        names = DirectoryNames(directory: directory, files: files, metrics: metrics)
        self.memory = memory
        recent = RecentFrames(mostBytes: recentFrameBytes, memory: memory)
        self.salts = salts
    }

    /// A checksum seed that nobody outside knows.
    func newSalt() -> UInt32 { salts() }

    /// The buffer that all of this belongs to. nil while it is opened, and once it is gone.
    var buffer: WriteAheadBuffer? { owner.withLock { $0.buffer } }

    /// Called once, by the buffer itself.
    func attach(_ buffer: WriteAheadBuffer) { owner.withLock { $0.buffer = buffer } }

    /// A reader from a position on, without what is answered for.
    func reader(
        from position: BufferPosition, _ places: AnsweredPlaces = AnsweredPlaces(),
        countingThrough last: UInt64? = nil, isLastLook: Bool = false
    ) -> FrameReader {
        FrameReader(
            from: position, places: places, countingThrough: last, isLastLook: isLastLook, catalog: catalog,
            interner: interner, files: files, metrics: metrics, clock: clock)
    }
}
