import Configuration
import Testing

@testable import RemoteWrite

@Suite(.serialized) struct LaneLogTests {
    private let fixture = WriterFixture()

    @Test func aRefusedRequestIsSaidWithItsJobs() async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 3, job: "web") + fixture.frames(1, series: 2, job: "db"))
        let receiver = FakeReceiver([.status(400, body: "label value too long for metric")])
        await fixture.run(fixture.writer(store, receiver)) { store.isAnswered }
        #expect(fixture.said.all("refused samples").map { $0.contains("jobs=web, db") } == [true])
    }

    @Test func manyJobsAreSaidInPart() async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append((0..<12).flatMap { fixture.frames(1, series: 1, job: "job\($0)") })
        let receiver = FakeReceiver([.status(400, body: "label value too long for metric")])
        await fixture.run(fixture.writer(store, receiver)) { store.isAnswered }
        let line = fixture.said.all("refused samples").first ?? ""
        #expect(line.contains("jobs=job0, job1, job2, job3, job4, job5, job6, job7 and 4 more"))
    }
}
