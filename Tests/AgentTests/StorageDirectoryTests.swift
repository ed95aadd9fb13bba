import Logging
import Platform
import Testing

@testable import Agent

@Suite struct StorageDirectoryTests {
    private let folder: TemporaryFolder
    private let files = POSIXFiles()
    init() throws { folder = try TemporaryFolder() }

    private func check() throws(AgentError) {
        try StorageDirectory.check("\(folder.path)/", files: files, logger: Logger(label: "test"))
    }

    /// Holds the lock as Prometheus does.
    private func held(_ name: String) throws -> OpenFile {
        let file = try files.open("\(folder.path)/\(name)", .update)
        #expect(try files.lock(file))
        return file
    }

    @Test(arguments: ["wal", "chunks_head"])
    func aDirectoryInUseByAPrometheusIsRefused(name: String) throws {
        try files.makeDirectory("\(folder.path)/\(name)")
        try check()
        let file = try held("lock")
        let error = try #require(throws: AgentError.self) { try check() }
        #expect(error.code == .storage && error.message.contains("stop it, or give --storage.agent.path"))
        #expect(error.message.contains("\(folder.path)/lock"))
        try files.close(file)
        // What a Prometheus that was killed leaves behind.
        try check()
    }

    @Test func aLockOfSomebodyElseIsNone() throws {
        let file = try held("lock")
        try check()
        try files.close(file)
    }

    @Test(arguments: [
        (13, "write to /data"), (30, "mount a volume"), (28, "Make room"), (20, "Give"), (5, "disk"),
    ])
    func aKernelsRefusalSaysWhatToDo(errno: Int32, words: String) {
        #expect(StorageDirectory.advice(errno: errno, path: "/data").contains(words))
        #expect(StorageDirectory.advice(errno: 0, path: "/data").isEmpty)
    }
}
