import Testing

@testable import narthex_bench

struct RequestBytesTests {
    private let page = Array(
        """
        # HELP disk_reads_total Reads 100 or more.
        disk_reads_total{device="sda 1"} 123456
        disk_reads_total{device="sdb"} 0
        disk_busy_seconds 1234.5
        build_info{version="1"} 1
        disk_limit +Inf

        """.utf8)

    @Test func numbersOfTargetsDifferWherePagesOfMachinesDo() throws {
        let numbers = PageNumbers(page)
        #expect(numbers.text(target: 0).split(separator: 10) == page.split(separator: 10))
        #expect(numbers.text(target: 3) == numbers.text(target: 3))
        let lines = String(decoding: numbers.text(target: 3), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 6)
        #expect(lines[0] == "# HELP disk_reads_total Reads 100 or more.")
        let reads = try #require(Int(lines[1].split(separator: " ").last ?? ""))
        #expect((61_728...185_184).contains(reads) && reads != 123_456)
        #expect(lines[1].hasPrefix("disk_reads_total{device=\"sda 1\"} "))
        #expect(lines[2] == "disk_reads_total{device=\"sdb\"} 0")
        let busy = try #require(Double(lines[3].split(separator: " ").last ?? ""))
        #expect((617.25...1_851.75).contains(busy) && busy != 1_234.5)
        #expect(lines[4...] == ["build_info{version=\"1\"} 1", "disk_limit +Inf"])
    }

    /// Each step makes requests smaller, most of all where targets have long labels.
    @Test(arguments: [false, true]) func requestsAsSentAreTheSmallest(hasECSLabels: Bool) throws {
        let bytes = RequestBytes(
            pages: RequestBytes.fleet(series: 200), hasECSLabels: hasECSLabels, framesTogether: 8)
        let figures = try bytes.figures(samples: 1_700, requestBytes: 10_000_000)
        // Eight frames of 200 series and five of the scrape itself.
        #expect(figures.samples == 1_640)
        #expect(figures.plain > (hasECSLabels ? 320 : 120))
        #expect(figures.oneByOne < figures.plain / 5)
        #expect(figures.asSent < figures.together * (hasECSLabels ? 0.9 : 0.96))
        #expect(figures.symbols < figures.asSent)
    }

    @Test func aRequestHasWholeFramesWithinItsLimits() throws {
        let bytes = RequestBytes(
            pages: RequestBytes.fleet(series: 200), hasECSLabels: false, framesTogether: 8)
        #expect(try bytes.figures(samples: 1, requestBytes: 1).samples == 205)
        #expect(try bytes.figures(samples: 614, requestBytes: 10_000_000).samples == 410)
        #expect(try bytes.figures(samples: 10_000, requestBytes: 100_000).samples == 615)
    }
}
