import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// Nothing stays open, whatever the disk says when it is closed or locked.
struct WriteAheadBufferLockingTests {
    /// A disk in memory that refuses to lock, or tells of an error with each close, and counts what is open.
    private final class UnwillingFiles: FileDoor {
        private struct State {
            var open = 0
            var locks = true
            var closes = true
        }

        private let files = PowerLossFiles()
        private let state = Mutex(State())

        var openCount: Int { state.withLock { $0.open } }

        func refuse(locks: Bool = false, closes: Bool = false) {
            state.withLock { ($0.locks, $0.closes) = (!locks, !closes) }
        }

        private func refused(_ operation: String, _ file: OpenFile) -> FileError {
            FileError(operation: operation, path: file.path, errno: 5, message: "on cue")
        }

        func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
            let file = try files.open(path, mode)
            state.withLock { $0.open += 1 }
            return file
        }

        func close(_ file: OpenFile) throws(FileError) {
            try files.close(file)
            let isGood = state.withLock { state in
                state.open -= 1
                return state.closes
            }
            guard isGood else { throw refused("close", file) }
        }

        func lock(_ file: OpenFile) throws(FileError) -> Bool {
            guard state.withLock({ $0.locks }) else { throw refused("flock", file) }
            return true
        }

        func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
            try files.write(bytes, to: file, at: offset)
        }
        func read(into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64)
            throws(FileError)
            -> Int
        {
            try files.read(into: &buffer, from: file, at: offset)
        }
        func sync(_ file: OpenFile) throws(FileError) { try files.sync(file) }
        func syncDirectory(_ path: String) throws(FileError) { try files.syncDirectory(path) }
        func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
            try files.truncate(file, to: length)
        }
        func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {}
        func length(of file: OpenFile) throws(FileError) -> UInt64 { try files.length(of: file) }
        func rename(_ from: String, to: String) throws(FileError) { try files.rename(from, to: to) }
        func remove(_ path: String) throws(FileError) { try files.remove(path) }
        func list(_ directory: String) throws(FileError) -> [String] { try files.list(directory) }
        func makeDirectory(_ path: String) throws(FileError) {}
        func freeBytes(_ directory: String) -> UInt64? { files.freeBytes(directory) }
        func status(_ path: String) throws(FileError) -> FileStatus? { try files.status(path) }
    }

    private func open(_ files: UnwillingFiles) throws(BufferError) -> WriteAheadBuffer {
        try WriteAheadBuffer(
            BufferConfiguration(directory: "/buffer", reserveBytes: 0), interner: LayoutInterner(),
            clock: ManualClock(), files: files, registry: MetricRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func aLockThatTheDiskRefusesLeavesNothingOpen() throws {
        let files = UnwillingFiles()
        files.refuse(locks: true)
        #expect(throws: BufferError.self) { try open(files) }
        #expect(files.openCount == 0)
        files.refuse()
        try open(files).close()
    }

    @Test func aCloseThatFailsClosesTheRestAsWell() throws {
        let files = UnwillingFiles()
        let buffer = try open(files)
        _ = try buffer.openDestination("a")
        files.refuse(closes: true)
        #expect(throws: BufferError.self) { try buffer.close() }
        #expect(files.openCount == 0)
        files.refuse()
        try open(files).close()
    }
}
