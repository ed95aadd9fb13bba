import HTTPTransport
import Logging
import Platform
import Telemetry

/// Reads status pages over loopback.
struct PageProbe {
    private let http: HTTPClient

    init() {
        http = HTTPClient(
            HTTPClientConfiguration(), registry: MetricRegistry(),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
    }

    /// The body of a page that must answer 200.
    func page(_ url: String) async throws -> String {
        let response = try await http.perform(
            HTTPRequest(method: .get, url: url, timeoutMs: 10_000, bodyLimitBytes: 1 << 30))
        guard response.status == 200 else { throw BenchError("\(url) answered \(response.status)") }
        return String(decoding: response.body.bytes, as: UTF8.self)
    }

    /// Posts a body to what must answer 200.
    func post(_ url: String, _ body: String) async throws {
        let response = try await http.perform(
            HTTPRequest(method: .post, url: url, body: Array(body.utf8), timeoutMs: 10_000))
        guard response.status == 200 else { throw BenchError("\(url) answered \(response.status)") }
    }

    /// Waits up to 30 s for a page to answer 200.
    func untilReady(_ url: String, clock: some AgentClock) async throws {
        var last = "nothing"
        for _ in 0..<300 {
            do {
                _ = try await page(url)
                return
            } catch {
                last = "\(error)"
            }
            try await clock.sleep(forMs: 100)
        }
        throw BenchError("\(url) was not ready within 30 s: \(last)")
    }

    /// The sum of all series of one family on a metrics page; 0 when there is none yet.
    func sum(of family: String, at url: String) async throws -> Double {
        MetricsPage(text: try await page(url)).sum(of: family)
    }
}
