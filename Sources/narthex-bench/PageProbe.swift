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
        try await page(url).split(separator: "\n").filter { line in
            line.hasPrefix(family)
                && (line.dropFirst(family.count).first.map { $0 == "{" || $0 == " " } ?? false)
        }.compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
    }
}
