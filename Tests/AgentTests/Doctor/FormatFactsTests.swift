import Logging
import MetricModel
import Platform
import Telemetry
import Testing
import WriteAheadBuffer

@testable import Agent

struct FormatFactsTests {
    private func texts(_ headers: BufferHeaders) -> [String] {
        FormatFacts(headers: headers).lines.map(\.text)
    }

    @Test func whereNoBufferIsThereIsNothingToSay() {
        #expect(FormatFacts().lines.isEmpty && texts(BufferHeaders()).isEmpty)
    }

    @Test func whatIsReadIsSaidByVersion() {
        #expect(
            texts(BufferHeaders(counts: [3: 5])) == [
                "ok       storage format: 5 files of format version 3: this version of Narthex reads that, "
                    + "and writes version 3"
            ])
        let lines = FormatFacts(headers: BufferHeaders(counts: [2: 1, 3: 4])).lines
        #expect(lines.map(\.verdict) == [.ok, .noted])
        #expect(lines[0].message.hasPrefix("4 files of format version 3, 1 file of format version 2: "))
        #expect(lines[1].message.contains("an older one then refuses the directory"))
    }

    @Test func whatIsNotReadIsSaidWithWhatToDo() {
        let reasons = [
            "/b/1 has format version 9, and this version of Narthex reads none above 3", "/b/2 has another",
        ]
        let lines = FormatFacts(headers: BufferHeaders(refused: reasons)).lines
        #expect(lines.map(\.verdict) == [.wrong])
        #expect(
            lines[0].message
                == "\(reasons[0]), and 1 file more cannot be read, either: an agent does not start there")
        #expect(lines[0].remedy?.hasPrefix("give this version another directory by --storage") == true)
        let single = FormatFacts(headers: BufferHeaders(counts: [3: 1], refused: [reasons[0]])).lines
        #expect(single.map(\.verdict) == [.ok, .wrong])
        #expect(single[1].message == "\(reasons[0]): an agent does not start there")
    }

    @Test func damagedHeadersAreNamed() {
        let lines = FormatFacts(
            headers: BufferHeaders(damaged: ["a", "b", "c", "d", "e"], halfDamaged: ["f"], passedOver: 7)
        ).lines
        #expect(lines.map(\.verdict) == [.wrong, .noted, .noted])
        #expect(lines[0].message == "5 files without a readable header: a, b, c and 2 more")
        #expect(lines[1].message.hasSuffix("the other is read: f"))
        #expect(lines[2].message == "7 files more not looked at")
    }

    @Test func aDirectoryThatCannotBeReadIsSaid() {
        let lines = FormatFacts(failure: "list /b: Permission denied").lines
        #expect(lines.map(\.verdict) == [.wrong] && lines[0].message == "list /b: Permission denied")
    }

    /// A buffer as an agent leaves it, looked at while the agent has it and after.
    @Test func aRealBufferIsLookedAtAndLeftAsItIs() throws {
        let folder = try TemporaryFolder()
        let files = POSIXFiles()
        let buffer = try WriteAheadBuffer(
            BufferConfiguration(directory: folder.path, reserveBytes: 0), interner: LayoutInterner(),
            clock: SystemClock(), files: files, registry: MetricRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        _ = try buffer.openDestination("a")
        let probe = StorageProbe(files: files, clock: SystemClock())
        for isOpen in [true, false] {
            let names = try files.list(folder.path)
            let facts = probe.facts(folder.path)
            #expect(facts.format.headers == BufferHeaders(counts: [BufferHeaders.writtenVersion: 2]))
            let lines = facts.lines(retentionBytes: 0)
            #expect(lines.map(\.subject) == ["write", "fsync", "space", "format"])
            #expect(lines.last?.verdict == .ok)
            #expect(try files.list(folder.path) == names)
            if isOpen { try buffer.close() }
        }
        let segment = try #require(try files.list(folder.path).first { $0.hasSuffix(".segment") })
        try files.replace("\(folder.path)/\(segment)", with: [1, 2, 3])
        let line = probe.facts(folder.path).lines(retentionBytes: 0).last
        #expect(line?.verdict == .wrong)
        #expect(line?.message == "1 file without a readable header: \(segment)")
    }
}
