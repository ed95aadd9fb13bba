import HTTPServer
import Platform
import Synchronization
import TestSupport
import Testing

@testable import StandIns

@Suite(.timeLimit(.minutes(1)))
struct PageReceiptTests {
    private final class Booked: Sendable {
        let receipts = Mutex<[PageReceipt]>([])
    }

    /// What a client reads, and the receipts that were given before the server had stopped.
    private func answer(_ response: ServerResponse) async throws -> (text: String, receipts: [PageReceipt]) {
        let booked = Booked()
        let server = try await HTTPServer.startStandIn(
            port: 0, bodyLimitBytes: 0, sent: { receipt in booked.receipts.withLock { $0.append(receipt) } }
        ) { _ in response }
        let client = try await RawClient.connect(port: server.port)
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        let text = try await client.readToEnd()
        await server.stop(graceMs: 0)
        return (text, booked.receipts.withLock { $0 })
    }

    private func response(fault: ServerFault? = nil) -> ServerResponse {
        var response = ServerResponse(body: Array("a 1\n".utf8))
        response.set(receipt: PageReceipt(exporter: 3, startMs: 5, samples: 1))
        if let fault { response.set(fault: fault) }
        return response
    }

    @Test(arguments: [nil, ServerFault.delay(ms: 5)])
    func aWholePageIsBookedOnceAndTheReaderSeesNoReceipt(fault: ServerFault?) async throws {
        let (text, receipts) = try await answer(response(fault: fault))
        #expect(text.hasSuffix("\r\n\r\na 1\n"))
        #expect(!text.contains(ServerResponse.receiptFieldName))
        #expect(receipts == [PageReceipt(exporter: 3, startMs: 5, samples: 1)])
    }

    @Test(arguments: [ServerFault.closeAfter(bodyBytes: 2), .closeWithoutAnswer])
    func aPageThatIsCutIsNotBooked(fault: ServerFault) async throws {
        #expect(try await answer(response(fault: fault)).receipts.isEmpty)
    }

    @Test func fieldsReadBack() {
        let receipt = PageReceipt(exporter: 3, startMs: 5, samples: 7)
        #expect(PageReceipt(field: receipt.field) == receipt)
        #expect(PageReceipt(field: "3 5") == nil)
        let plain = PageReceipt(exporter: 3, startMs: 5, samples: 7, isAsSet: false)
        #expect(PageReceipt(field: plain.field) == plain)
        #expect(!plain.page(endMs: 9).isAsSet)
        #expect(receipt.page(endMs: 9) == ServedPage(exporter: 3, startMs: 5, endMs: 9, samples: 7))
    }
}

@Suite(.timeLimit(.minutes(1)))
struct ServedPageTests {
    /// Who does not ask for a format or a coding gets text, and the fleet says so.
    @Test(arguments: [
        (FleetFormat.text, false, [true, true, true]), (.text, true, [false, true, false]),
        (.openmetrics, false, [false, false, true]), (.openmetrics, true, [false, false, false]),
    ])
    func aFleetTellsWhichPagesAreAsItIsSet(
        format: FleetFormat, isCompressed: Bool, expected: [Bool]
    ) async throws {
        let fleet = try await ExporterFleet.start(
            FleetConfiguration(exporters: 1, seriesEach: 30, format: format, isCompressed: isCompressed))
        let place = fleet.places[0]
        for headers in [
            "", "Accept-Encoding: gzip\r\n", "Accept: application/openmetrics-text\r\n",
        ] {
            let client = try await RawClient.connect(port: place.port)
            try await client.send(
                "GET \(place.path) HTTP/1.1\r\nHost: h\r\n\(headers)Connection: close\r\n\r\n")
            _ = try await client.readToEnd()
        }
        let text = try await TestClient().get("http://\(place.address)/served").text
        #expect(ServedPage.all(in: text)?.map(\.isAsSet) == expected)
        await fleet.stop()
    }

    @Test func aFleetTellsWhatItHasServedAndHowMuchWasOnIt() async throws {
        let fleet = try await ExporterFleet.start(FleetConfiguration(exporters: 2, seriesEach: 30))
        let client = TestClient()
        let beforeMs = SystemClock().wallMs
        _ = try await client.get(fleet.places[1].url)
        fleet.setVisibleSeries(7, exporter: 1)
        _ = try await client.get(fleet.places[1].url)
        fleet.setFault(.status(500), exporter: 0)
        _ = try await client.get(fleet.places[0].url)
        fleet.setFault(.truncate(bytes: 10), exporter: 0)
        _ = try? await client.get(fleet.places[0].url)
        let text = try await client.get("http://\(fleet.places[0].address)/served").text
        let pages = try #require(ServedPage.all(in: text))
        for (first, expected) in [(0, pages), (1, [pages[1]]), (2, []), (.max, [])] {
            let rest = try await client.get("http://\(fleet.places[0].address)/served?from=\(first)").text
            #expect(ServedPage.all(in: rest) == expected)
        }
        for query in ["from=-1", "from=", "since=1"] {
            let url = "http://\(fleet.places[0].address)/served?\(query)"
            #expect(try await client.get(url).status == 400)
        }
        #expect(pages.map(\.exporter) == [1, 1])
        #expect(pages.map(\.samples) == [30, 7])
        #expect(pages.allSatisfy { beforeMs <= $0.startMs && $0.startMs <= $0.endMs })
        await fleet.stop()
    }
}
