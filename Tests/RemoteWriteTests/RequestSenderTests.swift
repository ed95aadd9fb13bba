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

    /// The counters of answers are kept by their codes, each counts for itself.
    @Test func answersAreCountedByTheirCodes() async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(3, series: 3))
        let receiver = FakeReceiver([.status(503), .error(.timeout), .status(503)], otherwise: .status(200))
        let writer = fixture.writer(store, receiver)
        await fixture.run(writer) { store.isAnswered }
        func count(_ code: String) -> Double? {
            let name = "narthex_remote_write_answers_total"
            let url = "http://receiver.example/api/v1/write"
            return fixture.metric("\(name){remote_name=\"main\",url=\"\(url)\",code=\"\(code)\"}")
        }
        #expect(count("503") == 2 && count("error") == 1)
        #expect(count("200") == Double(receiver.requests.count - 3))
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
