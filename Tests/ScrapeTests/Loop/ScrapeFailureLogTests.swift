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
}
