import HTTPTransport
import Platform
import Synchronization

@testable import RemoteWrite

/// A receiver that answers by a script, then 200. It keeps what came.
final class FakeReceiver: HTTPPerforming {
    enum Answer: Sendable {
        case status(Int, headers: [HTTPHeader] = [], body: String = "")
        case error(HTTPError.Code)
        /// Never answers; ends when cancelled.
        case hang
    }

    private struct State {
        var requests: [HTTPRequest] = []
        var script: [Answer] = []
        var otherwise = Answer.status(200)
        var takes: (@Sendable ([SentSample]) -> Answer?)?
    }

    private let state = Mutex(State())

    init(_ script: [Answer] = [], otherwise: Answer = .status(200)) {
        state.withLock { state in
            state.script = script
            state.otherwise = otherwise
        }
    }

    /// Decides by what a request holds, before the script.
    func judge(_ takes: @escaping @Sendable ([SentSample]) -> Answer?) { state.withLock { $0.takes = takes } }
    func answer(_ otherwise: Answer) { state.withLock { $0.otherwise = otherwise } }

    var requests: [HTTPRequest] { state.withLock { $0.requests } }
    var bodies: [[UInt8]] { requests.map(\.body) }

    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let (answer, takes) = state.withLock { state in
            state.requests.append(request)
            return (state.script.isEmpty ? state.otherwise : state.script.removeFirst(), state.takes)
        }
        var judged = answer
        if let takes, let samples = try? ReferenceCodec.samples(ofBody: request.body) {
            judged = takes(samples) ?? answer
        }
        switch judged {
        case .status(let status, let headers, let body):
            return HTTPResponse(
                status: status, headers: HTTPHeaders(headers), body: HTTPBody(Array(body.utf8)))
        case .error(let code): throw HTTPError(code, "on cue")
        case .hang:
            await Event().wait()
            throw HTTPError(.cancelled, "cancelled")
        }
    }
}
