public import Logging
public import MetricModel
public import Platform
import Synchronization
public import Telemetry

/// The write-ahead buffer: frames in, durable cursors out. `docs/buffer-format.md` states its files byte by
/// byte.
public final class WriteAheadBuffer: Sendable {
    /// What an append needs. Held while the disk writes: who only wants figures looks at `books`.
    struct State {
        /// The segment that is written to; nil while the disk is of no use.
        var writer: SegmentWriter?
        /// Then frames go to this one. There are never both.
        var memory: MemorySegment?
        var verdict = DiskVerdict()
        /// Why a spell has begun of which the log does not tell yet.
        var untold: FileError?
        /// Segments that are to be cut back to their length before another is begun.
        var torn: [TornEnd] = []
        /// The disk did not take what stands in memory: it is to take new samples first.
        var memoryWaits = false
        /// When segments in memory that have ended are written down.
        var writingDown = RetryPause()
        /// Segments of which a file may be left that is of no use, and that the disk did not let go.
        var strays: Set<UInt64> = []
        /// What the next segment will repeat of the last one on the disk.
        var restatedBytes: UInt64 = 0
        var nextNumber: UInt64
        /// The segment before the one that frames go to, and its final length.
        var previous: (number: UInt64, length: UInt64)
        /// Appends failed since the books were last written down.
        var owesBooks = false
        /// Ended segments that are not durable yet, and that `syncing` does not know yet.
        var ended: [UnsyncedTail] = []
        /// Those that `syncing` knows: their copies count with those of `ended`.
        var handedOver: [UnsyncedTail] = []
        var isClosed = false
        /// Destinations without a readable cursor before this run.
        var newDestinations: [String] = []
        /// By their names, destinations of this run that another name was about to go on with when an earlier
        /// run ended: that other name.
        var successors: [String: String] = [:]
    }

    let configuration: BufferConfiguration
    let core: BufferCore
    let logger: Logger
    let state: Mutex<State>
    /// The books now. Changed under `state`'s lock, and read without it: nobody holds it while the disk
    /// works.
    let books: Mutex<LedgerRecord>
    let destinations = Mutex<[BufferDestination]>([])
    /// Taken by whoever removes segments or opens destinations: one of them at a time.
    let housekeeping = Mutex<Void>(())
    /// Taken by whoever makes durable or closes. It is held while the disk works: nobody else waits for it.
    let syncing: Mutex<Syncing>
    /// Taken by whoever writes segments in memory down, before any other lock: one of them at a time. It is
    /// held while the disk works.
    let wayBack = Mutex<Void>(())
    /// Held while the disk writes it.
    let index: Mutex<SegmentIndex>
    /// Asked for by `letGoOfThePast`, and not done yet.
    let isToLetGo = Atomic(false)
    /// fsync and retention block: they have a thread of their own.
    let keeper = WorkerPool(name: "buffer-keeper", threads: 1)
    private let lockFile: OpenFile
    let booksAreInDoubt: Bool
    private let readers: [UInt64]
    private let registry: MetricRegistry

    /// Locks the directory, cuts off a torn tail and begins a new segment. Takes no longer with a backlog.
    /// What readers hold is charged to `memory`.
    public convenience init(
        _ configuration: BufferConfiguration, interner: LayoutInterner, clock: any AgentClock,
        files: any FileDoor, registry: MetricRegistry, logger: Logger,
        memory: MemoryAccount = MemoryAccount()
    ) throws(BufferError) {
        try self.init(
            configuration, interner: interner, clock: clock, files: files, registry: registry, logger: logger,
            memory: memory, salts: { UInt32.random(in: 0...UInt32.max) })
    }

    /// As above, with checksum seeds from `salts`.
    init(
        _ configuration: BufferConfiguration, interner: LayoutInterner, clock: any AgentClock,
        files: any FileDoor, registry: MetricRegistry, logger: Logger,
        memory: MemoryAccount = MemoryAccount(), salts: @escaping @Sendable () -> UInt32
    ) throws(BufferError) {
        var directory = configuration.directory
        while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
        self.configuration = configuration
        self.logger = logger
        self.registry = registry
        let metrics = BufferMetrics(registry: registry, logger: logger, clock: clock)
        lockFile = try Self.lock(directory, files: files)
        let reserve = DiskReserve(
            directory: directory, sizeBytes: configuration.reserveBytes, files: files,
            uses: metrics.reserveUses, logger: logger)
        // Before the reserve, which may need its room.
        DiskProbe(directory: directory, files: files).clear()
        reserve.make()
        do throws(BufferError) {
            var recovery = try BufferRecovery(
                directory: directory, files: files, metrics: metrics, logger: logger)
            let newest = recovery.nextNumber - 1
            for number in try Self.numbersInCursors(directory, newest: newest, files: files) {
                recovery.reserve(upTo: number)
            }
            let core = BufferCore(
                directory: directory, catalog: SegmentCatalog(recovery.segments, nowNs: clock.elapsedNs),
                interner: interner, files: files, clock: clock, metrics: metrics, reserve: reserve,
                memory: memory, recentFrameBytes: configuration.recentFrameBytes, salts: salts)
            var fresh = State(
                writer: nil, nextNumber: recovery.nextNumber,
                previous: recovery.segments.last.map { ($0.number, $0.length) } ?? (0, 0))
            do throws(FileError) {
                try core.evenIfFull { () throws(FileError) in try Self.rotate(&fresh, recovery.ledger, core) }
            } catch {
                throw .io("a segment cannot be begun", error, segment: fresh.nextNumber)
            }
            // A run that was killed may have removed segments before cursors that know of it were durable:
            // the first sync is to make the cursors durable before the removals.
            core.names.removed()
            state = Mutex(fresh)
            syncing = Mutex(Syncing(earlier: recovery.unproven, beganNs: clock.monotonicNs))
            books = Mutex(recovery.ledger)
            booksAreInDoubt = recovery.isInDoubt
            index = Mutex(SegmentIndex(leavesOutEarlierRuns: recovery.hasLostBooks, logger: logger))
            self.core = core
        } catch {
            // What failed is told; the lock must not outlive the attempt.
            try? files.close(lockFile)
            throw error
        }
        readers = Self.gauges(core, registry)
        core.attach(self)
    }

    deinit {
        for token in readers { registry.removeReader(token) }
        // Whoever wants to know about a failing close has called `close`.
        try? close(durably: false)
    }

    // MARK: appending

    /// Writes a frame; returns once the write has. Any thread. A frame that the disk refuses is taken into
    /// memory, as are those after it until the disk takes them again. What memory has no room for is booked
    /// as scraped and dropped for every destination, and thrown.
    public func append(_ frame: Frame) throws(BufferError) {
        let samples = UInt64(max(0, frame.sampleCount))
        let contradiction = frame.contradiction
        let (failure, hasRotated, cause) = state.withLock { state -> (BufferError?, Bool, FileError?) in
            guard !state.isClosed else { return (BufferError(.closed, "the buffer is closed"), false, nil) }
            let segment = state.writer?.number
            do throws(BufferError) {
                if let contradiction {
                    throw BufferError(
                        .invalidFrame, "a frame of job \(frame.target.job) is lost: \(contradiction)")
                }
                try write(frame, samples, &state)
                return (nil, state.writer?.number != segment, state.untold.take())
            } catch {
                books.withLock { $0.jobs[frame.target.job, default: JobTotal()].fail(samples) }
                state.owesBooks = true
                return (error, state.writer?.number != segment, nil)
            }
        }
        if let cause { sayThatMemoryTakesOver(cause) }
        let destinations = destinations.withLock { $0 }
        if let failure {
            if hasRotated { for destination in destinations { destination.raise() } }
            core.metrics.appendFailures.add()
            // Without a number it is no fault of the disk: the frame itself cannot be written.
            if failure.code == .io, failure.cause?.errno ?? 0 != 0 {
                for destination in destinations { destination.reader.noteLackOfRoom(samples) }
            }
            if failure.code != .closed {
                core.metrics.faults.error(
                    "a frame cannot be kept: its samples are lost", ["err": "\(failure)"])
            }
            throw failure
        }
        core.metrics.appended(frame)
        for destination in destinations { destination.raise(samples: samples) }
    }

    /// Samples appended and failed so far, by job.
    var appendedTotals: [String: JobTotal] { books.withLock { $0.jobs } }

    /// The newest timestamp appended, now or in an earlier run; 0 before the first.
    public var appendedHighestTimestampMs: Int64 { books.withLock { max(0, $0.newestTimestampMs) } }

    /// Bytes in memory of each target's last values. The next frame of a target is written as the difference
    /// from them. Readers that keep up with the log use the same memory.
    public var baseBytes: Int { core.baseBytes.load(ordering: .relaxed) }

    /// Bytes of all segments.
    public var sizeBytes: UInt64 { core.catalog.totalBytes }

    private func write(_ frame: Frame, _ samples: UInt64, _ state: inout State) throws(BufferError) {
        if let spell = state.verdict.spell {
            // The disk is asked by the keeper alone.
            guard takeIntoMemory(frame, samples, &state) else {
                state.verdict.dropped(samples)
                throw .io("memory has no room for a frame of job \(frame.target.job)", spell.cause)
            }
            return
        }
        // What cannot be written anew may be one old segment, on a disk that makes the others durable.
        if let cause = state.verdict.distrust(core.clock), state.writer?.tail.isInDoubt ?? true,
            goOnInMemory(frame, samples, cause, &state)
        {
            return
        }
        do throws(FileError) {
            try writeToDisk(frame, samples, &state)
        } catch {
            // A record larger than the reserve may find no space on a disk that has room for all the others.
            // It goes to memory all the same, and so does what comes until the way back.
            if error.isNoSpace, state.writer?.attemptedBytes ?? 0 <= configuration.reserveBytes {
                _ = core.reserve.giveUp(error)
            }
            // Without a number it is no fault of the disk: the frame itself cannot be written.
            if error.errno != 0, goOnInMemory(frame, samples, error, &state) { return }
            throw .io(
                "a frame of job \(frame.target.job) cannot be written and is lost", error,
                segment: state.writer?.number, offset: state.writer?.length)
        }
    }

    private func writeToDisk(
        _ frame: Frame, _ samples: UInt64, _ state: inout State
    ) throws(FileError) {
        guard !core.reserve.isGivenUp else {
            throw FileError(
                operation: "append", path: core.directory, errno: 28,
                message: "the disk is full; what is left is kept for the cursors")
        }
        if needsRotation(&state) { try rotateIfPossible(&state) }
        try writeOwedBooks(&state)
        let before = state.writer?.length ?? 0
        let stated = try state.writer?.append(frame)
        let length = state.writer?.length ?? 0
        core.baseBytes.store(state.writer?.baseBytes ?? 0, ordering: .relaxed)
        book(frame, samples)
        if let stated, let segment = state.writer?.number {
            core.recent.append(
                RecentFrames.Entry(
                    frame: frame, end: BufferPosition(segment: segment, offset: length),
                    prefix: stated.prefix, chunks: stated.chunks, appendedNs: core.clock.monotonicNs))
        }
        core.metrics.writtenBytes.add(length - before)
        if let tail = state.writer?.tail, tail.isInDoubt { core.catalog.doubt(tail.number) }
        core.catalog.grow(to: length, newestTimestampMs: frame.timestampMs, nowNs: core.clock.elapsedNs)
    }

    /// Books a frame that was appended. Before the frame can be seen: what a destination answers for is in
    /// the books.
    func book(_ frame: Frame, _ samples: UInt64) {
        books.withLock { books in
            books.jobs[frame.target.job, default: JobTotal()].append(samples)
            books.newestTimestampMs = max(books.newestTimestampMs, frame.timestampMs)
        }
    }

    /// Writes the books down where appends failed since they were.
    private func writeOwedBooks(_ state: inout State) throws(FileError) {
        guard state.owesBooks else { return }
        try state.writer?.append(books.withLock { $0 })
        state.owesBooks = false
    }

    // MARK: closing

    /// Makes everything durable and lets the directory go. Appending afterwards throws.
    public func close() throws(BufferError) {
        do throws(FileError) {
            try close(durably: true)
        } catch {
            throw .io("the buffer cannot be closed", error)
        }
    }

    /// As `close`, on the buffer's own thread: for callers that must not block.
    public func shutDown() async throws(BufferError) {
        let result: Result<Void, BufferError> = await keeper.run { [self] in
            do throws(BufferError) { return .success(try close()) } catch { return .failure(error) }
        }
        try result.get()
    }

    func close(durably: Bool) throws(FileError) {
        if durably {
            regainDisk(isLast: true)
            writeDownEnded(isLast: true)
        }
        let (isFirst, owesBooks) = state.withLock { state in
            defer { state.isClosed = true }
            if durably, !state.isClosed { settleBooks(&state) }
            // Books with samples that are in memory alone are not those at the end of any segment.
            return (!state.isClosed, state.owesBooks || state.writer == nil)
        }
        guard isFirst else { return }
        var isDurable = false
        if durably {
            // The last attempt: it does not wait for the pause after an earlier one.
            syncing.withLock { $0.renewals.succeeded() }
            removeAnswered()
            // What cannot be made durable even now is told.
            isDurable = sync()
            sayWhatMemoryHolds()
        }
        // While the directory is locked. What is not in the segments is not in the index, either.
        let end = isDurable && !owesBooks ? books.withLock { $0 } : nil
        index.withLock { $0.close(core, end: end) }
        try syncing.withLock { syncing throws(FileError) in
            let open = state.withLock { state in
                defer { state.ended = [] }
                return syncing.ended + state.ended + [state.writer?.tail].compactMap { $0 }
            }
            syncing.ended = []
            // All of them, whatever the disk says of one: the lock goes last, and has to go.
            var failures: [FileError] = []
            for tail in open {
                Self.attempt(&failures) { () throws(FileError) in try core.files.close(tail.file) }
            }
            for destination in durably ? destinations.withLock({ $0 }) : [] {
                Self.attempt(&failures) { () throws(FileError) in try destination.close() }
            }
            Self.attempt(&failures) { () throws(FileError) in try core.files.close(lockFile) }
            if let first = failures.first { throw first }
        }
    }

    /// Writes down at the end which appends have failed, so that the next start knows of them.
    private func settleBooks(_ state: inout State) {
        guard state.owesBooks else { return }
        do throws(FileError) {
            if let spell = state.verdict.spell { throw spell.cause }
            if state.writer?.isTorn ?? true { try rotateIfPossible(&state) }
            try writeOwedBooks(&state)
            guard let length = state.writer?.length else { return }
            core.catalog.grow(to: length, newestTimestampMs: Int64.min, nowNs: core.clock.elapsedNs)
        } catch {
            logger.warning(
                "the next start does not know how many samples the disk has not taken",
                metadata: ["err": "\(error)"])
        }
    }

    // MARK: books

    /// For each destination, the segment in which the first sample stands that it has not answered for, or
    /// the one in which it goes on.
    public var currentSegments: [(destination: String, segment: UInt64)] {
        destinations.withLock { $0 }.map { ($0.name, $0.cursor.mark.segment) }
    }

    /// The books now, without waiting for the disk: for each destination and job
    /// scraped = delivered + dropped + buffered.
    public func ledger() -> BufferLedger {
        // Cursors before totals: what is answered for was appended before.
        let destinations = destinations.withLock { $0 }
        let cursors = destinations.map(\.cursor)
        let totals = books.withLock { $0.jobs }
        var ledger = BufferLedger()
        ledger.jobs = totals.mapValues { SampleCount.sum($0.appended, $0.failed) }
        let inMemory = core.catalog.inMemory.compactMap(\.memory)
        for cursor in cursors {
            var jobs = BufferDestination.ledger(cursor, totals)
            for memory in inMemory {
                for (job, samples) in memory.open(from: cursor.mark, AnsweredPlaces(cursor)) {
                    jobs[job]?.addInMemory(samples)
                }
            }
            ledger.destinations[cursor.name] = jobs
        }
        ledger.oldestUnackedTimestampMs = destinations.compactMap(\.oldestOpenMs).min()
        return ledger
    }
}
