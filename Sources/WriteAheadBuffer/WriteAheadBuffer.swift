public import Logging
public import MetricModel
public import Platform
import Synchronization
public import Telemetry

/// The write-ahead buffer: frames in, durable cursors out. `docs/buffer-format.md` states its files byte by byte.
public final class WriteAheadBuffer: Sendable {
    private struct State {
        var writer: SegmentWriter?
        var books: LedgerRecord
        var nextNumber: UInt64
        /// Appends failed since the books were last written down.
        var owesBooks = false
        /// Ended segments that are not durable yet.
        var toSync: [OpenFile] = []
        var isDirty = false
        var isClosed = false
    }

    private let configuration: BufferConfiguration
    private let core: BufferCore
    private let lockFile: OpenFile
    private let logger: Logger
    private let state: Mutex<State>
    private let destinations = Mutex<[BufferDestination]>([])
    /// fsync and retention block: they have a thread of their own.
    private let keeper = WorkerPool(name: "buffer-keeper", threads: 1)
    private let readers: [UInt64]
    private let registry: MetricRegistry

    /// Locks the directory, cuts off a torn tail and begins a new segment. Takes no longer with a backlog.
    public init(
        _ configuration: BufferConfiguration, interner: LayoutInterner, clock: any AgentClock,
        files: any FileDoor, registry: MetricRegistry, logger: Logger
    ) throws(BufferError) {
        var directory = configuration.directory
        while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
        self.configuration = configuration
        self.logger = logger
        self.registry = registry
        let metrics = BufferMetrics(registry: registry, logger: logger)
        lockFile = try Self.lock(directory, files: files)
        var recovery = try BufferRecovery(directory: directory, files: files, metrics: metrics, logger: logger)
        for cursor in try Self.cursors(directory, files: files) {
            recovery.reserve(upTo: cursor.lanes.map { max($0.answered, $0.inFlightEnd ?? $0.answered).segment }.max() ?? 0)
        }
        let core = BufferCore(
            directory: directory, catalog: SegmentCatalog(recovery.segments), interner: interner, files: files,
            clock: clock, metrics: metrics)
        self.core = core
        state = Mutex(State(writer: nil, books: recovery.ledger, nextNumber: recovery.nextNumber))
        readers = [
            registry.observe(
                "prometheus_tsdb_wal_storage_size_bytes", help: "Bytes of all segments.", type: .gauge
            ) { [Measurement(value: Double(core.catalog.totalBytes))] },
            registry.observe("narthex_buffer_bytes", help: "Bytes of all segments.", type: .gauge) {
                [Measurement(value: Double(core.catalog.totalBytes))]
            },
            registry.observe("narthex_buffer_segments", help: "Segments there are.", type: .gauge) {
                [Measurement(value: Double(core.catalog.all.count))]
            },
        ]
        try state.withLock { state throws(BufferError) in
            do throws(FileError) {
                try rotate(&state)
            } catch {
                throw .io("a segment cannot be begun", error, segment: state.nextNumber)
            }
        }
        core.whenAnswersMove { [weak self] in self?.removeAnswered() }
    }

    deinit {
        for token in readers { registry.removeReader(token) }
    }

    // MARK: appending

    /// Writes a frame; returns once the write has. Any thread. What cannot be written is booked as scraped and dropped
    /// for every destination, and thrown.
    public func append(_ frame: Frame) throws(BufferError) {
        let samples = UInt64(frame.sampleCount)
        let failure: BufferError? = state.withLock { state in
            guard !state.isClosed else {
                return BufferError(.closed, "the buffer is closed")
            }
            do throws(FileError) {
                if needsRotation(state) { try rotate(&state) }
                if state.owesBooks {
                    try state.writer?.append(state.books)
                    state.owesBooks = false
                }
                let before = state.writer?.length ?? 0
                try state.writer?.append(frame)
                let length = state.writer?.length ?? 0
                state.isDirty = true
                state.books.jobs[frame.target.job, default: JobTotal()].appended += samples
                state.books.newestTimestampMs = max(state.books.newestTimestampMs, frame.timestampMs)
                core.metrics.writtenBytes.add(length - before)
                core.catalog.grow(to: length, newestTimestampMs: frame.timestampMs)
                return nil
            } catch {
                state.books.jobs[frame.target.job, default: JobTotal()].failed += samples
                state.owesBooks = true
                return .io(
                    "a frame of job \(frame.target.job) cannot be written and is lost", error,
                    segment: state.writer?.number, offset: state.writer?.length)
            }
        }
        if let failure {
            core.metrics.appendFailures.add()
            throw failure
        }
        core.metrics.appended.add(samples)
        core.metrics.headAppended.add(samples)
        core.signal.raise()
    }

    /// The newest timestamp appended, now or in an earlier run; 0 before the first.
    public var appendedHighestTimestampMs: Int64 { state.withLock { max(0, $0.books.newestTimestampMs) } }

    /// Bytes of all segments.
    public var sizeBytes: UInt64 { core.catalog.totalBytes }

    private func needsRotation(_ state: State) -> Bool {
        guard let writer = state.writer else { return true }
        return writer.isTorn || writer.length >= configuration.segmentLimitBytes
            || core.clock.wallMs - writer.createdMs >= configuration.segmentMaxAgeMs
    }

    private func rotate(_ state: inout State) throws(FileError) {
        let number = state.nextNumber
        let path = "\(core.directory)/\(BufferFileName.segment(number))"
        var books = state.books
        books.previousSegment = state.writer?.number ?? 0
        books.previousLength = state.writer?.length ?? 0
        let writer = try SegmentWriter(
            number: number, path: path, salt: core.newSalt(), nowMs: core.clock.wallMs, ledger: books,
            files: core.files)
        if let ended = state.writer { state.toSync.append(ended.file) }
        state.writer = writer
        state.nextNumber = number + 1
        state.owesBooks = false
        state.isDirty = true
        core.metrics.writtenBytes.add(writer.length)
        core.metrics.segment.set(Double(number))
        core.catalog.add(
            SegmentInfo(
                number: number, path: path, salt: writer.salt, length: writer.length, isActive: true,
                newestTimestampMs: Int64.min, before: books.jobs))
    }

    // MARK: destinations

    /// The destination's durable cursor, made when it is new: it then begins at the oldest record kept. `lanes` is
    /// taken on once there is no backlog.
    public func openDestination(_ name: String, lanes: Int) throws(BufferError) -> BufferDestination {
        precondition(lanes > 0, "a destination has a lane")
        precondition(!destinations.withLock { $0.contains { $0.name == name } }, "a destination is opened once")
        let path = "\(core.directory)/\(BufferFileName.cursor(name))"
        var known: CursorState?
        do throws(FileError) {
            if try core.files.status(path) != nil { known = try? CursorLog.read(path, files: core.files) }
        } catch {
            throw .io("the cursor of \(name) cannot be looked at", error)
        }
        let totals = state.withLock { $0.books.jobs }
        let opening = CursorOpening(core: core, name: name, lanes: lanes, totals: totals, logger: logger)
        let cursor = try opening.open(known)
        do throws(FileError) {
            let log = try CursorLog(
                directory: core.directory, state: cursor, salt: core.newSalt(), nowMs: core.clock.wallMs,
                files: core.files)
            let destination = BufferDestination(core: core, cursor: cursor, log: log)
            destinations.withLock { $0.append(destination) }
            return destination
        } catch {
            throw .io("the cursor of \(name) cannot be written", error)
        }
    }

    /// Removes the cursors of destinations that are not among these: nothing waits for them any more.
    public func retire(destinationsExcept kept: [String]) throws(BufferError) {
        let keptFiles = Set(kept.map { BufferFileName.cursor($0) })
        do throws(FileError) {
            for name in try core.files.list(core.directory)
            where BufferFileName.isCursor(name) && !keptFiles.contains(name) {
                try core.files.remove("\(core.directory)/\(name)")
                logger.warning(
                    "a destination is no longer configured: its cursor is removed", metadata: ["file": "\(name)"])
            }
        } catch {
            throw .io("the cursors of former destinations cannot be removed", error)
        }
        removeAnswered()
    }

    private static func cursors(_ directory: String, files: any FileDoor) throws(BufferError) -> [CursorState] {
        do throws(FileError) {
            // An unreadable cursor is dealt with when its destination is opened.
            return try files.list(directory).filter { BufferFileName.isCursor($0) }
                .compactMap { try? CursorLog.read("\(directory)/\($0)", files: files) }
        } catch {
            throw .io("the storage directory cannot be listed", error)
        }
    }

    // MARK: keeping

    /// Makes the buffer durable every sync interval and keeps it within its bounds, until cancelled.
    public func run() async {
        while !Task.isCancelled {
            // A cancelled sleep ends the loop.
            guard (try? await core.clock.sleep(forMs: configuration.syncIntervalMs)) != nil else { return }
            await keeper.run { [self] in
                sync()
                enforceRetention()
            }
        }
    }

    /// Removes the oldest segments while the buffer is above its bytes or they are above their age, counting exactly
    /// what no destination has read of them.
    public func enforceRetention() {
        while let segment = core.catalog.oldest, !segment.isActive {
            let reason: String
            if core.catalog.totalBytes > configuration.retentionBytes {
                reason = BufferDropReason.retentionSize
            } else if segment.newestTimestampMs < core.clock.wallMs - configuration.retentionAgeMs {
                reason = BufferDropReason.retentionAge
            } else {
                return
            }
            do throws(BufferError) {
                for destination in destinations.withLock({ $0 }) { try destination.retire(segment, reason: reason) }
                try remove(segment)
            } catch {
                logger.error("a segment cannot be retired", metadata: ["error": "\(error)"])
                return
            }
            core.metrics.retained(reason).add()
            logger.warning(
                "a segment was removed before every destination had answered for it",
                metadata: ["segment": "\(segment.number)", "reason": "\(reason)", "bytes": "\(segment.length)"])
        }
    }

    /// Removes segments that every destination has answered for.
    private func removeAnswered() {
        let destinations = destinations.withLock { $0 }
        guard let lowest = destinations.map({ $0.cursor.lowest }).min() else { return }
        while let segment = core.catalog.oldest, !segment.isActive,
            lowest.segment > segment.number
                || (lowest.segment == segment.number && lowest.offset >= segment.length)
        {
            do throws(BufferError) {
                try remove(segment)
            } catch {
                logger.error("a segment cannot be removed", metadata: ["error": "\(error)"])
                return
            }
        }
    }

    private func remove(_ segment: SegmentInfo) throws(BufferError) {
        core.catalog.remove(segment.number)
        do throws(FileError) {
            try core.files.remove(segment.path)
        } catch {
            guard error.errno == 2 else {  // ENOENT: somebody else has removed it
                throw .io("a segment cannot be removed", error, segment: segment.number)
            }
        }
    }

    /// Makes durable what was written so far.
    func sync() {
        let (ended, active) = state.withLock { state in
            defer {
                state.toSync = []
                state.isDirty = false
            }
            return (state.toSync, state.isDirty ? state.writer?.file : nil)
        }
        let cursors = destinations.withLock { $0 }.compactMap { $0.takeForSync() }
        let beganNs = core.clock.monotonicNs
        for file in ended + [active].compactMap({ $0 }) + cursors {
            do throws(FileError) {
                try core.files.sync(file)
            } catch {
                core.metrics.syncFailures.add()
                logger.error("the buffer cannot be made durable", metadata: ["error": "\(error)"])
                state.withLock { $0.isDirty = true }
            }
        }
        for file in ended {
            // It is durable or the failure was told; a descriptor that does not close is the kernel's.
            try? core.files.close(file)
        }
        if !ended.isEmpty || active != nil {
            core.metrics.fsyncSeconds.observe(Double(core.clock.monotonicNs - beganNs) / 1e9)
        }
    }

    /// Makes everything durable and lets the directory go. Appending afterwards throws.
    public func close() throws(BufferError) {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        state.withLock { $0.isDirty = true }
        sync()
        do throws(FileError) {
            if let file = state.withLock({ $0.writer?.file }) { try core.files.close(file) }
            for destination in destinations.withLock({ $0 }) { try destination.close() }
            try core.files.close(lockFile)
        } catch {
            throw .io("the buffer cannot be closed", error)
        }
    }

    // MARK: books

    /// The books now: for each destination and job scraped = delivered + dropped + buffered.
    public func ledger() -> BufferLedger {
        let totals = state.withLock { $0.books.jobs }
        var ledger = BufferLedger()
        ledger.jobs = totals.mapValues { $0.appended + $0.failed }
        let destinations = destinations.withLock { $0 }
        for destination in destinations { ledger.destinations[destination.name] = destination.ledger(totals) }
        ledger.oldestUnackedTimestampMs = destinations.flatMap { destination in
            (0..<destination.laneCount).compactMap { destination.lane($0).oldestOpenMs }
        }.min()
        return ledger
    }

    private static func lock(_ directory: String, files: any FileDoor) throws(BufferError) -> OpenFile {
        do throws(FileError) {
            try files.makeDirectory(directory)
            let file = try files.open("\(directory)/\(BufferFileName.lock)", .update)
            if try files.lock(file) { return file }
            try files.close(file)
        } catch {
            throw .io("the storage directory cannot be used", error)
        }
        throw BufferError(
            .locked,
            "the storage directory \(directory) is locked by another process: stop it, or use another directory")
    }
}
