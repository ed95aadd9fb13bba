import Configuration
import Logging
import MetricModel
import Platform
import TestSupport
import Testing

@testable import RemoteWrite

@Suite(.serialized) struct RequestTextTests {
    private let fixture = WriterFixture()

    private func text(_ frames: [Frame]) throws -> String {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(frames)
        var collector = BatchCollector(
            limits: .init(
                bytes: BatchCollector.maxRequestBytes, age: SampleAge(configuredMs: 0, url: "http://r/")),
            isSigned: false)
        collector.load(try store.slices())
        var leftOut = LeftOutSeries()
        let cut = collector.cut(
            samples: .max, leftOut: &leftOut, agingMs: fixture.clock.wallMs, scratch: RequestScratch())
        guard case .request(let request) = cut else { return "" }
        return RequestText.text(request)
    }

    @Test func eachSeriesIsShownWithItsSample() throws {
        let frame = TestFrames.frame(
            TestFrames.target(job: "a", [Label("job", "a")]), count: 4, timestampMs: 1_000,
            explicit: [.init(series: 3, timestampMs: 7)], absent: [1], departed: ["gone"])
        #expect(
            try text([frame])
                == "{__name__=\"m0\", job=\"a\"} 1.0 1000; {__name__=\"m2\", job=\"a\"} 3.0 1000; "
                + "{__name__=\"m3\", job=\"a\"} 4.0 7; {__name__=\"gone\", job=\"a\"} stale 1000")
    }

    @Test func muchIsShownInPart() throws {
        let shown = try text([TestFrames.frame(count: 5_000, timestampMs: 1_000)])
        #expect(shown.utf8.count < RequestText.limitBytes + 1_000)
        #expect(shown.hasSuffix(" more") && shown.contains("; and 4"))
    }

    @Test(arguments: [true, false]) func aFailedRequestIsShownWhereThatIsAskedFor(isOn: Bool) async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 2, job: "web"))
        var configuration = RemoteWriteConfiguration(url: "http://receiver.example/w", name: "main")
        configuration.logsFailedRequests = isOn
        let writer = RemoteWriter(
            configuration: configuration, destination: store.destination,
            http: FakeReceiver([.status(503, body: "away"), .status(200)]), credentials: nil, region: nil,
            workers: fixture.workers, clock: fixture.clock, registry: fixture.registry,
            logger: fixture.said.logger)
        await fixture.run(writer) { store.isAnswered }
        let lines = fixture.said.all("this is what it holds")
        #expect(lines.count == (isOn ? 1 : 0), "once for the try that failed, not for the one that did not")
        #expect(lines.allSatisfy { $0.contains("status 503: away") && $0.contains("__name__=\"m0\"") })
    }
}
