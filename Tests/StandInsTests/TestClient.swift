import Cryptography
import AWS
import HTTPTransport
import Logging
import Platform
import Telemetry

/// The agent's own client, as the stand-ins meet it.
struct TestClient {
    let http: HTTPClient
    let credentials: Credentials?
    let clock: any AgentClock

    init(credentials: Credentials? = nil, clock: any AgentClock = SystemClock()) {
        http = HTTPClient(
            HTTPClientConfiguration(name: "test"), registry: MetricRegistry(), logger: Logger(label: "test"))
        self.credentials = credentials
        self.clock = clock
    }

    func get(_ url: String, timeoutMs: Int64 = 30_000) async throws -> (status: Int, text: String) {
        let response = try await http.perform(HTTPRequest(url: url, timeoutMs: timeoutMs))
        return (response.status, String(decoding: response.body.bytes, as: UTF8.self))
    }

    func post(_ url: String, json: String) async throws -> (status: Int, text: String) {
        let response = try await http.perform(HTTPRequest(method: .post, url: url, body: Array(json.utf8)))
        return (response.status, String(decoding: response.body.bytes, as: UTF8.self))
    }

    /// Remote write 1.0, signed when there are credentials.
    func write(
        _ url: String, _ body: [UInt8], headers changed: [HTTPHeader] = [], timeoutMs: Int64 = 30_000
    ) async throws -> (status: Int, text: String, retryAfter: String?) {
        var headers =
            [
                HTTPHeader(name: "Content-Encoding", value: "snappy"),
                HTTPHeader(name: "Content-Type", value: "application/x-protobuf"),
                HTTPHeader(name: "X-Prometheus-Remote-Write-Version", value: "0.1.0"),
            ].filter { one in !changed.contains { $0.name == one.name } } + changed
        if let credentials {
            headers += try SigV4Signer(region: "eu-west-1", service: "aps").sign(
                method: .post, url: url, headers: headers, payloadSHA256Hex: SHA256.hex(bytes: body),
                credentials: credentials, timestampMs: clock.wallMs)
        }
        let response = try await http.perform(
            HTTPRequest(method: .post, url: url, headers: headers, body: body, timeoutMs: timeoutMs))
        return (
            response.status, String(decoding: response.body.bytes, as: UTF8.self),
            response.headers["Retry-After"]
        )
    }
}
