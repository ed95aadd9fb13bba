import Configuration
import MetricModel
import Platform
import TestSupport
import Testing

@testable import RemoteWrite

/// From the frame to the request of a receiver that knows the legacy characters only.
@Suite struct EscapedNamesTests {
    private static let amp =
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"

    private func frame(
        _ fixture: WriterFixture, _ names: [String], departed: [String] = [], zone: String = "zone.é",
        instance: String = "a"
    ) -> Frame {
        let target = TestFrames.target([Label("instance", instance), Label("job", "node"), Label(zone, "z")])
        func chunk(_ names: [String]) -> LayoutChunk {
            TestFrames.chunk(names.map { [Label("__name__", $0)] }, target)
        }
        return Frame(
            target: target, layout: Layout(names.map { chunk([$0]) }), timestampMs: fixture.clock.wallMs,
            values: names.indices.map { Double($0) },
            departed: departed.isEmpty
                ? []
                : [.init(chunk: chunk(departed), series: departed.indices.map { UInt32($0) })])
    }

    private func sent(
        _ fixture: WriterFixture, _ frames: [Frame], url: String = amp,
        _ change: (inout RemoteWriteConfiguration) -> Void = { _ in }
    ) async throws -> (names: [String], store: BufferedDestination) {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(frames)
        let receiver = FakeReceiver()
        var configuration = RemoteWriteConfiguration(url: url, name: "main")
        change(&configuration)
        let writer = RemoteWriter(
            configuration: configuration, destination: store.destination, http: receiver,
            credentials: nil, region: nil, workers: fixture.workers,
            clock: fixture.clock, registry: fixture.registry, logger: fixture.said.logger)
        let all = frames.reduce(0) { $0 + $1.sampleCount }
        await fixture.run(writer) {
            store.delivered + store.dropped.values.reduce(0, +) == UInt64(all)
        }
        let samples = try receiver.bodies.flatMap { try ReferenceCodec.samples(ofBody: $0) }
        return (samples.map { "\(LabelSet($0.labels))" }, store)
    }

    private func series(_ name: String, zone: String = "zone__") -> String {
        "{__name__=\"\(name)\", instance=\"a\", job=\"node\", \(zone)=\"z\"}"
    }

    @Test func amazonIsSentLegacyNames() async throws {
        let fixture = WriterFixture()
        let (names, store) = try await sent(fixture, [frame(fixture, ["http.requests", "up"])])
        #expect(names == [series("http_requests"), series("up")])
        #expect(store.dropped.isEmpty)
        #expect(fixture.metric("narthex_remote_write_escaped_names_total{") == 2)
        #expect(fixture.said.all("under escaped names").count == 2)
    }

    @Test(arguments: [true, false]) func othersAreSentNamesAsTheyAre(byKey: Bool) async throws {
        let fixture = WriterFixture()
        let (names, _) = try await sent(
            fixture, [frame(fixture, ["http.requests"])], url: byKey ? Self.amp : "http://receiver.example/"
        ) { if byKey { $0.escapeUTF8Names = false } }
        #expect(names == [series("http.requests", zone: "zone.é")])
    }

    /// Targets may give their series in any order: the same one is sent every time.
    @Test func whichOfTwoCollidingSeriesIsSentDoesNotDependOnTheirOrder() async throws {
        let fixture = WriterFixture()
        let frames = [["a.b", "a-b"], ["a-b", "a.b"], ["a.b", "up", "a-b"]].map {
            frame(fixture, $0, zone: "zone")
        }
        let (_, store) = try await sent(fixture, frames)
        #expect(store.dropped == ["name_collision": 3])
        let refused = fixture.said.all("a series is not sent")
        #expect(refused.count == 1 && refused.allSatisfy { $0.contains("a.b") }, "\(refused)")
    }

    @Test func collisionsAreToldHoweverManyNamesAreEscaped() async throws {
        let fixture = WriterFixture()
        let many = (0..<1_200).map { "m.\($0)" }
        let (_, store) = try await sent(fixture, [frame(fixture, many + ["a.b", "a-b"], zone: "zone")])
        #expect(store.dropped == ["name_collision": 1])
        #expect(fixture.said.all("a series is not sent").count == 1)
    }

    /// A series that needs no escaping has its name; of those that do, the one whose name is least.
    @Test func collisionsAreRefusedByName() async throws {
        let fixture = WriterFixture()
        let frames = (0..<3).map { number -> Frame in
            let frame = frame(
                fixture, ["a.b", "c-d", "a_b", "c.d", "up"], departed: ["e", "a/b", "x.y"], zone: "zone")
            return Frame(
                target: frame.target, layout: frame.layout, timestampMs: frame.timestampMs + Int64(number),
                values: frame.values, departed: number == 2 ? frame.departed : [])
        }
        let (names, store) = try await sent(fixture, frames)
        let each = ["c_d", "a_b", "up"].map { series($0, zone: "zone") }
        #expect(names == each + each + each + ["e", "x_y"].map { series($0, zone: "zone") })
        // a.b and c.d thrice, and the marker that would end a_b.
        #expect(store.dropped == ["name_collision": 7])
        #expect(store.isBalanced)
        #expect(fixture.said.all("a series is not sent").count == 3)
    }

    /// What is found of a layout holds for all targets that have it, and the markers for each target's own.
    @Test(arguments: ["a", "b"]) func aMarkerOfEachTargetThatWouldEndASeriesIsRefused(instance: String)
        async throws
    {
        let fixture = WriterFixture()
        let frames = ["a", "b"].map { each in
            frame(
                fixture, ["a.b"], departed: each == instance ? ["a/b"] : [], zone: "zone", instance: each)
        }
        let (names, store) = try await sent(fixture, frames)
        #expect(names.count == 2 && Set(names).count == 2)
        #expect(store.dropped == ["name_collision": 1])
    }
}
