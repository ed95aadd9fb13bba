import Configuration
import HTTPTransport
import Platform
import Synchronization

@testable import HTTPAccess

/// Plays a server: keeps what it was asked and answers by a function.
final class FakeHTTP: HTTPPerforming {
    private struct Answering: Sendable {
        let body: @Sendable (HTTPRequest) async throws -> HTTPResponse
    }

    private let answering: Answering
    private let asked = Mutex<[HTTPRequest]>([])

    init(_ body: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse = { _ in .init(status: 200) })
    {
        answering = Answering(body: body)
    }

    var requests: [HTTPRequest] { asked.withLock { $0 } }

    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        asked.withLock { $0.append(request) }
        do {
            return try await answering.body(request)
        } catch let error as HTTPError {
            throw error
        } catch {
            throw HTTPError(.other, "\(error)")
        }
    }
}

extension HTTPRequest {
    func header(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }
}

/// A folder that is removed at the end.
final class Folder {
    let path: String
    private let files = POSIXFiles()

    init() throws {
        path = "/tmp/narthex-access-\(UInt64.random(in: 0...(.max)))"
        try files.makeDirectory(path)
    }

    deinit {
        for name in (try? files.list(path)) ?? [] { try? files.remove("\(path)/\(name)") }
        try? files.remove(path)
    }

    /// Writes a file anew, as a rename of a new one over it; its path.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let new = "\(path)/.new"
        let file = try files.open(new, .update)
        try files.truncate(file, to: 0)
        let bytes = Array(text.utf8)
        // Safety: the bytes outlive the call.
        try unsafe files.write(bytes.span.bytes, to: file, at: 0)
        try files.close(file)
        try files.rename(new, to: "\(path)/\(name)")
        return "\(path)/\(name)"
    }
}

func client(
    _ options: HTTPClientOptions, _ http: FakeHTTP, clock: any AgentClock = SystemClock(),
    environment: [String: String] = [:]
) -> AccessClient {
    AccessClient(
        options, http: http, workers: WorkerPool(name: "test", threads: 1), files: POSIXFiles(), clock: clock,
        environment: environment)
}

func text(_ text: String) -> TextSource { .text(Secret(text)) }
