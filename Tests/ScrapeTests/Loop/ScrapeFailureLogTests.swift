import Platform
import Testing

@testable import Scrape

@Suite struct ScrapeFailureLogTests {
    private let path = "/tmp/narthex-failures-\(UInt64.random(in: 0...UInt64.max)).log"

    private var text: String {
        get throws { String(decoding: try POSIXFiles().contents(of: path, limitBytes: 9_999), as: UTF8.self) }
    }

    @Test func aLineHasPrometheusFields() throws {
        defer { try? POSIXFiles().remove(path) }
        let log = try ScrapeFailureLog(path, files: POSIXFiles())
        try log.write(
            job: "node", target: "http://a:9100/metrics", error: "connect \"a\"\nrefused",
            wallMs: 1_700_000_000_123)
        #expect(
            try text == """
                {"time":"2023-11-14T22:13:20.123Z","level":"ERROR","msg":"connect \\"a\\"\\nrefused",\
                "job_name":"node","target":"http://a:9100/metrics"}

                """)
    }

    @Test func whatAFileHoldsStaysAndACutFileGoesOn() throws {
        defer { try? POSIXFiles().remove(path) }
        try ScrapeFailureLog(path, files: POSIXFiles()).write(job: "a", target: "t", error: "e", wallMs: 0)
        let log = try ScrapeFailureLog(path, files: POSIXFiles())
        try log.write(job: "b", target: "t", error: "e", wallMs: 0)
        #expect(try text.split(separator: "\n").count == 2)
        let file = try POSIXFiles().open(path, .update)
        try POSIXFiles().truncate(file, to: 0)
        try POSIXFiles().close(file)
        try log.write(job: "c", target: "t", error: "e", wallMs: 0)
        #expect(try text.hasPrefix("{\"time\":\"1970-01-01T00:00:00.000Z\""))
        #expect(try text.split(separator: "\n").count == 1)
    }

    /// Nothing can be written to /dev/full.
    @Test func aFullDiskIsToldOnce() throws {
        let log = try ScrapeFailureLog("/dev/full", files: POSIXFiles())
        #expect(throws: FileError.self) { try log.write(job: "a", target: "t", error: "e", wallMs: 0) }
        try log.write(job: "a", target: "t", error: "e", wallMs: 0)
    }

    @Test func jobsShareALog() throws {
        defer { try? POSIXFiles().remove(path) }
        let logs = ScrapeFailureLogs(files: POSIXFiles())
        #expect(try logs.log(nil) == nil)
        let first = try #require(try logs.log(path))
        #expect(try logs.log(path) === first)
        #expect(throws: FileError.self) { try logs.log("/nowhere/at/all.log") }
    }

    /// logrotate renames the file and asks for a reload.
    @Test func aRenamedFileIsLetGoWhenAskedTo() throws {
        let rotated = path + ".1"
        defer {
            try? POSIXFiles().remove(path)
            try? POSIXFiles().remove(rotated)
        }
        let logs = ScrapeFailureLogs(files: POSIXFiles())
        let log = try #require(try logs.log(path))
        try log.write(job: "before", target: "t", error: "e", wallMs: 0)
        try POSIXFiles().rename(path, to: rotated)
        try log.write(job: "between", target: "t", error: "e", wallMs: 0)
        #expect(logs.reopen([path]).isEmpty)
        try log.write(job: "after", target: "t", error: "e", wallMs: 0)
        #expect(try text.contains("after") && !text.contains("between"))
        #expect(try logs.log(path) === log)
        // Of files that nobody names any more another beginning is another log.
        #expect(logs.reopen([]).isEmpty)
        #expect(try logs.log(path) !== log)
    }

    @Test func aFileThatCannotBeOpenedAgainIsWrittenOn() throws {
        let folder = path + ".d"
        try POSIXFiles().makeDirectory(folder)
        let inside = folder + "/log"
        let logs = ScrapeFailureLogs(files: POSIXFiles())
        let log = try #require(try logs.log(inside))
        try POSIXFiles().rename(folder, to: path)
        defer {
            try? POSIXFiles().remove(path + "/log")
            try? POSIXFiles().remove(path)
        }
        #expect(logs.reopen([inside]).count == 1)
        try log.write(job: "a", target: "t", error: "e", wallMs: 0)
        #expect(try POSIXFiles().contents(of: path + "/log", limitBytes: 999).isEmpty == false)
    }
}
