import Compression
import HTTPServer
import Testing

@testable import StandIns

struct FleetPagesTests {
    private func request(_ accept: String? = nil, coding: String? = nil) -> ServerRequest {
        var headers: ServerHeaders = [:]
        if let accept { headers.add("Accept", accept) }
        if let coding { headers.add("Accept-Encoding", coding) }
        return ServerRequest(method: "GET", target: "/metrics", headers: headers)
    }

    @Test(arguments: [0, 2], [nil, "identity", "gzip;q=0", "deflate", "gzip", "deflate, gzip;q=0.5"])
    func gzipOnlyWhereItIsTaken(sets: Int, coding: String?) throws {
        let pages = FleetPages(
            FleetConfiguration(exporters: 4, seriesEach: 500, numberSets: sets, isCompressed: true))
        let plain = pages.contents.page(exporter: 3, scrape: 0, format: .text)
        let answer = pages.answer(3, request(coding: coding))
        guard ["gzip", "deflate, gzip;q=0.5"].contains(coding) else {
            #expect(answer.headers["Content-Encoding"] == nil)
            #expect(answer.body == plain)
            return
        }
        #expect(answer.headers["Content-Encoding"] == "gzip")
        #expect(answer.body.count * 8 < plain.count)
        var unpacked: [UInt8] = []
        try Gzip.decode(answer.body.span, into: &unpacked, limitBytes: 1 << 20) { _ in true }
        #expect(unpacked == plain)
    }

    @Test func nothingIsCompressedUnlessAskedFor() {
        let pages = FleetPages(FleetConfiguration(exporters: 1, seriesEach: 50))
        let answer = pages.answer(0, request(coding: "gzip"))
        #expect(answer.headers["Content-Encoding"] == nil)
    }

    @Test func sharedPagesAreThoseOfEachExportersScrape() {
        let pages = FleetPages(FleetConfiguration(exporters: 6, seriesEach: 60, numberSets: 2))
        for scrape in [0, 0, 1, 2, 5, 9, 9] as [Int] {
            for exporter in 0..<6 {
                // Some of them are ahead of others.
                for _ in 0..<(exporter == 4 ? scrape : 0) { _ = pages.answer(exporter, request()) }
                let number = pages.scrapes[exporter].count
                let answer = pages.answer(exporter, request())
                #expect(
                    answer.body == pages.contents.page(exporter: exporter, scrape: number, format: .text))
            }
        }
    }

    @Test(arguments: FleetFormat.allCases) func formatsOnlyWhereTheyAreTaken(format: FleetFormat) {
        let pages = FleetPages(FleetConfiguration(exporters: 1, seriesEach: 50, format: format))
        let open = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2"
        let messages =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
        let takers: [(accept: String?, format: FleetFormat)] = [
            (nil, .text), ("*/*", .text), ("text/plain;version=0.0.4", .text), (open, .openmetrics),
            (messages, .protobuf), ("application/vnd.google.protobuf", .text),
            ("application/openmetrics-text;version=0.0.1", .text),
            ("application/openmetrics-text;q=0", .text), ("application/openmetrics-text", .openmetrics),
        ]
        for taker in takers {
            let answer = pages.answer(0, request(taker.accept))
            let expected = taker.format == format ? format : .text
            #expect(answer.headers["Content-Type"] == expected.contentType)
            let scrape = pages.scrapes[0].count - 1
            #expect(answer.body == pages.contents.page(exporter: 0, scrape: scrape, format: expected))
        }
    }

    @Test func slowAndFailingExportersAreKnown() {
        let configuration = FleetConfiguration(
            exporters: 10, seriesEach: 1, slowShare: 0.2, slowMs: 70, failingShare: 0.3)
        let pages = FleetPages(configuration)
        for exporter in 0..<10 {
            let answer = pages.answer(exporter, request())
            #expect(answer.fault == (exporter < 2 ? .delay(ms: 70) : nil))
            #expect(answer.status == (exporter < 7 ? 200 : 500))
            #expect(
                configuration.standingFault(of: exporter)
                    == (exporter < 2 ? .delay(ms: 70) : exporter < 7 ? nil : .status(500)))
        }
        pages.apply(.fault(.status(503)), exporter: nil)
        #expect(pages.answer(0, request()).status == 503)
        #expect(pages.answer(9, request()).status == 503)
        pages.apply(.fault(nil), exporter: nil)
        #expect(pages.answer(9, request()).status == 500)
    }
}
