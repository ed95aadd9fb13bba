import HTTPTransport
import Testing

@testable import RemoteWrite

@Suite(.serialized) struct RequestSenderTests {
    private let fixture = WriterFixture()

    @Test(arguments: [
        (
            "https://user:hunter2@other.example/login?token=hunter2#hunter2",
            "status 302: moved; it redirects to https://other.example/login"
        ),
        ("/login?token=hunter2", "status 302: moved; it redirects to /login"),
        ("/\u{1}bad", "status 302: moved; it redirects to / bad"),
    ])
    func aRedirectSaysWhereItLeadsWithoutSecrets(location: String, text: String) async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 3))
        let receiver = FakeReceiver(
            otherwise: .status(
                302, headers: [HTTPHeader(name: "Location", value: location)], body: "moved"))
        let writer = fixture.writer(store, receiver)
        await fixture.run(writer) { writer.status().slots[0].state == .held }
        #expect(writer.status().slots[0].lastError == text)
        let lines = fixture.said.all
        #expect(!lines.contains { $0.contains("hunter2") })
    }

    /// A receiver's words behind a 2xx must not make the request go out again.
    @Test func theStatusAloneIsAskedFor() async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 3))
        let receiver = FakeReceiver()
        let writer = fixture.writer(store, receiver)
        await fixture.run(writer) { !receiver.requests.isEmpty }
        #expect(receiver.requests.allSatisfy { !$0.requiresBody })
    }
}
