import Logging
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct UnsyncedTailTests {
    private let folder: TemporaryFolder
    private let files = FaultyFiles()
    private let memory = MemoryAccount()
    private let tail: UnsyncedTail

    init() throws {
        folder = try TemporaryFolder()
        let metrics = BufferMetrics(
            registry: MetricRegistry(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            clock: ManualClock())
        let file = try files.open("\(folder.path)/a", .create)
        tail = UnsyncedTail(number: 1, file: file, files: files, metrics: metrics, memory: memory)
    }

    @Test func copiesAreChargedUntilTheyAreGone() throws {
        func charged() -> Int { memory.usedBytes(of: .unsynced) }
        tail.wrote(bytes(100, 1), count: 60)
        #expect(charged() == 60)
        try tail.sync()
        #expect(charged() == 0)
        tail.wrote(bytes(100, 1), count: 50)
        tail.cut(to: 70)
        #expect(charged() == 10)
        tail.forgetCopies()
        #expect(charged() == 0)
    }

    private func bytes(_ count: Int, _ value: UInt8) -> [UInt8] { Array(repeating: value, count: count) }

    @Test func whatWasWrittenIsHeldUntilItIsDurable() throws {
        tail.wrote(bytes(100, 1), count: 60)
        tail.wrote(bytes(100, 2), count: 10)
        #expect(tail.isDirty && tail.heldBytes == 70)
        try tail.sync()
        #expect(!tail.isDirty && tail.heldBytes == 0)
        tail.wrote(bytes(5, 3), count: 5)
        #expect(tail.runs.map(\.start) == [70, 70] && tail.runs.last?.copy == bytes(5, 3))
    }

    @Test func afterAFailedSyncALaterOneProvesNothing() throws {
        tail.wrote(bytes(60, 1), count: 60)
        try tail.sync()
        tail.wrote(bytes(10, 2), count: 10)
        files.fail { operation, _ in operation == .sync ? .init(errno: 5) : nil }
        #expect(throws: FileError.self) { try tail.sync() }
        files.fail(nil)
        tail.wrote(bytes(3, 3), count: 3)
        #expect(throws: FileError.self) { try tail.sync() }
        #expect(tail.isDirty && tail.isInDoubt)
        #expect(tail.runs.flatMap(\.copy) == bytes(10, 2) + bytes(3, 3))
        #expect(tail.runs.map(\.start) == [60, 70] && tail.runs.last?.end == 73)
    }

    @Test func whatIsCutOffTheFileIsHeldNoMore() throws {
        tail.wrote(bytes(60, 1), count: 60)
        files.fail { operation, _ in operation == .sync ? .init(errno: 5) : nil }
        #expect(throws: FileError.self) { try tail.sync() }
        tail.wrote(bytes(10, 2), count: 10)
        tail.cut(to: 65)
        #expect(tail.runs.flatMap(\.copy) == bytes(60, 1) + bytes(5, 2))
        tail.cut(to: 20)
        tail.wrote(bytes(2, 3), count: 2)
        #expect(tail.runs.flatMap(\.copy) == bytes(20, 1) + bytes(2, 3))
        #expect(tail.runs.last?.end == 22)
    }

    @Test func atTheBoundTheAppenderMakesDurable() throws {
        let piece = bytes(1 << 20, 7)
        for _ in 0..<20 {
            tail.wrote(piece, count: piece.count)
            #expect(tail.heldBytes < UnsyncedTail.limitBytes)
        }
        #expect(!tail.isInDoubt)
    }

    @Test func copiesAreBoundedWhileTheDiskFails() throws {
        files.fail { operation, _ in operation == .sync ? .init(errno: 5) : nil }
        let piece = bytes(1 << 20, 7)
        for _ in 0..<20 { tail.wrote(piece, count: piece.count) }
        #expect(tail.isInDoubt && tail.heldBytes <= UnsyncedTail.limitBytes)
        #expect(tail.runs.last?.end == 20 << 20)
    }
}
