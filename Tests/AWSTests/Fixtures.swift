import AWS
import HTTPTransport
import Platform
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// A folder of the test's own, removed afterwards.
func withFolder<R>(_ body: (String) async throws -> R) async throws -> R {
    let base = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/narthex-aws-XXXXXX".utf8CString)
    // Safety: mkdtemp writes within the template, which is terminated by a zero.
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer in
        unsafe buffer.baseAddress.flatMap { unsafe mkdtemp($0) }.map { unsafe String(cString: $0) }
    }
    let folder = try #require(made)
    defer {
        for name in (try? POSIXFiles().list(folder)) ?? [] { try? POSIXFiles().remove("\(folder)/\(name)") }
        _ = unsafe rmdir(folder)
    }
    return try await body(folder)
}

/// Writes a file anew, as an atomic replacement would.
func write(_ text: String, to path: String) throws {
    let files = POSIXFiles()
    let fresh = path + ".new"
    let file = try files.open(fresh, .create)
    let bytes = Array(text.utf8)
    try unsafe bytes.withUnsafeBytes { try unsafe files.write($0.bytes, to: file, at: 0) }
    try files.close(file)
    try files.rename(fresh, to: path)
}

/// The error of a call that must fail.
func failure<R>(_ body: () async throws(AWSError) -> R) async -> AWSError? {
    do throws(AWSError) {
        _ = try await body()
        Issue.record("no error")
        return nil
    } catch {
        return error
    }
}

/// Credentials that count how often they are refused.
final class CountingCredentials: CredentialsProvider {
    private let rejections = Atomic<Int>(0)

    var rejected: Int { rejections.load(ordering: .relaxed) }

    func credentials() async throws(AWSError) -> Credentials {
        Credentials(accessKeyID: "AKID\(rejected)", secretAccessKey: "secret", sessionToken: "token")
    }

    func reject(_ refused: Credentials) async { rejections.add(1, ordering: .relaxed) }
}

/// A server of the test's mind: gives the answers in turn, the last one for ever.
final class ScriptedHTTP: HTTPPerforming {
    enum Answer: Sendable {
        case status(Int, String, [HTTPHeader] = [])
        case failure(HTTPError)
    }

    private let answers: [Answer]
    private let seen = Mutex<[HTTPRequest]>([])

    init(_ answers: [Answer]) { self.answers = answers }

    var requests: [HTTPRequest] { seen.withLock { $0 } }

    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let index = seen.withLock { seen in
            seen.append(request)
            return seen.count - 1
        }
        switch answers[min(index, answers.count - 1)] {
        case .status(let status, let body, let headers):
            return HTTPResponse(
                status: status, headers: HTTPHeaders(headers), body: HTTPBody(Array(body.utf8)))
        case .failure(let error): throw error
        }
    }
}
