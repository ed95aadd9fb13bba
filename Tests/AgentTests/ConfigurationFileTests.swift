import AWS
import HTTPTransport
import Logging
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Agent

struct ConfigurationFileTests {
    /// Answers in turn, the last for ever.
    final class Answers: HTTPPerforming {
        private let rest: Mutex<[(Int, String)]>
        private let count = Atomic<Int>(0)

        init(_ answers: [(Int, String)]) { rest = Mutex(answers) }

        var asked: Int { count.load(ordering: .relaxed) }

        func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            count.add(1, ordering: .relaxed)
            let next = rest.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
            return HTTPResponse(status: next.0, body: HTTPBody(Array(next.1.utf8)))
        }
    }

    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Reads while the clock is moved on for whoever sleeps on it.
    func read(_ http: Answers, stepMs: Int64 = 100) async throws(AWSError) -> String {
        let clock = ManualClock()
        let access = AWSAccess(
            environment: [
                "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1",
            ], files: POSIXFiles(), http: http, clock: clock, logger: logger)
        let mover = Task {
            while !Task.isCancelled {
                if clock.sleeperCount > 0 { clock.advance(ms: stepMs) }
                await Task.yield()
            }
        }
        defer { mover.cancel() }
        let bytes = try await ConfigurationFile.object(
            try S3Location("s3://shop/narthex.yml"), access: access, clock: clock, logger: logger)
        return String(decoding: bytes, as: UTF8.self)
    }

    static let unwell = (503, "<Error><Code>ServiceUnavailable</Code></Error>")

    @Test func aServiceThatIsNotWellIsAskedAgain() async throws {
        let http = Answers([Self.unwell, Self.unwell, Self.unwell, Self.unwell, (200, "global: {}")])
        #expect(try await read(http) == "global: {}")
        #expect(http.asked == 5)
    }

    @Test func butNotForEver() async {
        let http = Answers([Self.unwell])
        await #expect(throws: AWSError.self) { try await read(http) }
        #expect(http.asked == 15, "five times three attempts")
        let slow = Answers([Self.unwell])
        await #expect(throws: AWSError.self) { try await read(slow, stepMs: 10_000) }
        #expect(slow.asked == 3, "three attempts that take all of the time there is")
    }

    @Test func aRefusalIsFinal() async {
        let http = Answers([(403, "<Error><Code>AccessDenied</Code></Error>")])
        await #expect(throws: AWSError.self) { try await read(http) }
        #expect(http.asked == 1)
        #expect(ConfigurationFile.advice(.accessDenied).contains("s3:GetObject"))
        #expect(ConfigurationFile.advice(.notFound).isEmpty)
    }

    @Test func aPlaceThatIsNoneIsSaidWithTheFlag() async {
        for name in ["s3://Shop/a.yml", "/nonexistent/narthex.yml"] {
            let file = ConfigurationFile(
                AgentOptions(configFile: name), clock: ManualClock(), files: POSIXFiles(), logger: logger,
                hint: "; or so")
            await #expect {
                try await file.contents()
            } throws: {
                let said = "\($0)"
                return said.hasPrefix("\(name): the configuration file cannot be read: ")
                    && said.hasSuffix(" (--config.file; or so)")
            }
        }
    }
}
