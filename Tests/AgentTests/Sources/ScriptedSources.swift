import AWS
import HTTPTransport
import Logging
import Platform
import Synchronization
import TestSupport

@testable import Agent

/// Answers in turn, the last for ever.
final class ScriptedSources: HTTPPerforming {
    struct Answer: Sendable {
        var status = 200
        var body = ""
        var headers: [HTTPHeader] = []
        var failure: HTTPError?
    }

    private let answers: [Answer]
    private let seen = Mutex<[HTTPRequest]>([])

    init(_ answers: [Answer]) { self.answers = answers }

    convenience init(_ answers: [(Int, String)]) {
        self.init(answers.map { Answer(status: $0.0, body: $0.1) })
    }

    var requests: [HTTPRequest] { seen.withLock { $0 } }
    var asked: Int { requests.count }

    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let index = seen.withLock { seen in
            seen.append(request)
            return seen.count - 1
        }
        let answer = answers[min(index, answers.count - 1)]
        if let failure = answer.failure { throw failure }
        return HTTPResponse(
            status: answer.status, headers: HTTPHeaders(answer.headers),
            body: HTTPBody(Array(answer.body.utf8)))
    }

    static let environment = [
        "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    ]

    /// The ways to it, for AWS and the web.
    func ways(
        _ clock: any AgentClock = ManualClock(), environment: [String: String] = ScriptedSources.environment
    ) -> ConfigurationFetcher.Ways {
        ConfigurationFetcher.Ways(
            aws: AWSAccess(
                environment: environment, files: POSIXFiles(), http: self, clock: clock,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
            web: self)
    }
}

/// Runs `body` while the clock is moved on for whoever sleeps on it.
func moving<Value: Sendable>(
    _ clock: ManualClock, stepMs: Int64 = 100, _ body: () async throws -> Value
) async throws -> Value {
    let mover = Task {
        while !Task.isCancelled {
            if clock.sleeperCount > 0 { clock.advance(ms: stepMs) }
            await Task.yield()
        }
    }
    defer { mover.cancel() }
    return try await body()
}
