import HTTPTransport
import StandIns
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ExporterFleetTests {
    let client = TestClient()

    @Test(arguments: FleetAddressing.allCases) func everyExporterIsReached(addressing: FleetAddressing)
        async throws
    {
        let fleet = try await ExporterFleet.start(
            FleetConfiguration(exporters: 5, seriesEach: 40, addressing: addressing))
        #expect(Set(fleet.places.map(\.url)).count == 5)
        for (number, place) in fleet.places.enumerated() {
            for scrape in 0..<2 {
                let (status, text) = try await client.get(place.url)
                #expect(status == 200)
                #expect(text == fleet.page(exporter: number, scrape: UInt64(scrape)))
            }
            #expect(fleet.scrapes(of: number) == 2)
        }
        #expect(fleet.totalScrapes == 10)
        if addressing == .addresses { #expect(Set(fleet.places.map(\.port)).count == 1) }
        await fleet.stop()
    }

    @Test func tellsWhenEachWasScraped() async throws {
        let fleet = try await ExporterFleet.start(
            FleetConfiguration(exporters: 2, seriesEach: 1, addressing: .ports))
        for _ in 0..<2 { _ = try await client.get(fleet.places[1].url) }
        let text = try await client.get("http://\(fleet.places[0].address)/scrapes").text
        let times = try #require(ScrapeTimes.all(in: text))
        #expect(times.map(\.count) == [0, 2])
        #expect(times[1].firstNs > 0)
        #expect(times[1].lastNs == times[1].firstNs + times[1].greatestGapNs)
        await fleet.stop()
    }

    @Test func contentTypeIsText004() async throws {
        let fleet = try await ExporterFleet.start(FleetConfiguration(exporters: 1, seriesEach: 1))
        let response = try await client.http.perform(HTTPRequest(url: fleet.places[0].url))
        #expect(response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        await fleet.stop()
    }

    @Test func faultsComeOnCueAndGo() async throws {
        let fleet = try await ExporterFleet.start(FleetConfiguration(exporters: 2, seriesEach: 40))
        let url = fleet.places[1].url
        fleet.setFault(.status(500), exporter: 1)
        #expect(try await client.get(url).status == 500)
        #expect(try await client.get(fleet.places[0].url).status == 200)
        for fault in [ExporterFault.close, .truncate(bytes: 100)] {
            fleet.setFault(fault, exporter: 1)
            await #expect(throws: HTTPError.self) { _ = try await client.get(url) }
        }
        fleet.setFault(.hang)
        let error = await #expect(throws: HTTPError.self) { _ = try await client.get(url, timeoutMs: 50) }
        #expect(error?.code == .timeout)
        fleet.setFault(.garbage)
        #expect(try await client.get(url).text.hasPrefix("<html>"))
        fleet.setFault(.delay(ms: 1))
        #expect(try await client.get(url).status == 200)
        fleet.setFault(nil)
        #expect(try await client.get(url).status == 200)
        fleet.setVisibleSeries(3, exporter: 1)
        let shown = try await client.get(url).text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(shown.count == 3)
        await fleet.stop()
    }

    @Test func anotherProcessGivesOrders() async throws {
        let fleet = try await ExporterFleet.start(FleetConfiguration(exporters: 2, seriesEach: 10))
        let base = "http://\(fleet.places[0].address)"
        #expect(
            try await client.post(
                base + "/fault", json: "{\"fault\":\"status\",\"status\":503,\"exporter\":1}"
            ).status
                == 200)
        #expect(try await client.get(fleet.places[1].url).status == 503)
        #expect(try await client.get(fleet.places[0].url).status == 200)
        #expect(try await client.post(base + "/fault", json: "{\"fault\":\"none\"}").status == 200)
        #expect(try await client.get(fleet.places[1].url).status == 200)
        for wrong in ["", "{}", "{\"fault\":\"fire\"}", "{\"fault\":\"none\",\"exporter\":2}", "[1]"] {
            #expect(try await client.post(base + "/fault", json: wrong).status == 400)
        }
        await fleet.stop()
    }

    @Test(arguments: [
        "/", "/metrics", "/exporter/2/metrics", "/exporter/-1/metrics", "/exporter/x/metrics", "/exporter/0",
    ])
    func otherPathsAre404(path: String) async throws {
        let fleet = try await ExporterFleet.start(FleetConfiguration(exporters: 2, seriesEach: 1))
        #expect(try await client.get("http://\(fleet.places[0].address)\(path)").status == 404)
        await fleet.stop()
    }

    @Test func aPortThatIsTakenIsAnError() async throws {
        let fleet = try await ExporterFleet.start(FleetConfiguration(exporters: 1, seriesEach: 1))
        await #expect(throws: (any Error).self) {
            _ = try await ExporterFleet.start(
                FleetConfiguration(exporters: 1, seriesEach: 1, port: fleet.places[0].port))
        }
        await fleet.stop()
    }
}
