import HTTPTransport
import Platform
import Synchronization
import Telemetry

/// Scrapes over loopback by the agent's HTTP client: tick, request, head and body of the answer, and the
/// hand-over to the worker that schedules the next scrape. The page is not parsed.
///
/// The client and the worker have threads of their own, and these two are what callgrind counts. The server
/// answers on the caller's thread. A page is small enough to arrive in one piece, so that the number of reads
/// does not depend on chance.
struct CountedScrapes {
    private static let scrapes = 400
    private static let pageSamples = 300

    func run() throws -> CountedStages.Count {
        let server = try PageServer(page: Self.page)
        let client = HTTPClient(
            HTTPClientConfiguration(name: "bench"), registry: MetricRegistry(),
            logger: CountedStages.silent)
        defer { client.shutDown() }
        let exchange = RepeatedScrape(url: server.url, count: Self.scrapes, client: client)
        client.schedule(exchange, atNs: SystemClock().monotonicNs)
        try server.answer(Self.scrapes)
        try exchange.waitForEnd()
        return CountedStages.Count(
            stage: "network", samples: Self.scrapes * Self.pageSamples, units: Self.scrapes)
    }

    /// The first samples of the page that other stages have, with the comments before them.
    private static var page: [UInt8] {
        var samples = 0
        let text = SyntheticBody.nodeExporter.text(scrape: 0)
        let lines = text.split(separator: 0x0A).prefix { line in
            if line.first != 0x23 { samples += 1 }
            return samples <= pageSamples
        }
        return lines.flatMap { $0 + [0x0A] }
    }
}

/// Asks for the same page again and again, each time as soon as a worker has let go of the page before.
private final class RepeatedScrape: HTTPExchange {
    private let request: HTTPRequest
    private let client: HTTPClient
    private let workers = WorkerPool(name: "worker", threads: 1)
    private let clock = SystemClock()
    private let left: Mutex<Int>
    private let over = ConditionQueue<Result<Void, BenchError>>()

    init(url: String, count: Int, client: HTTPClient) {
        request = HTTPRequest(
            url: url,
            headers: [
                HTTPHeader(name: "Accept", value: "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
                HTTPHeader(name: "X-Prometheus-Scrape-Timeout-Seconds", value: "10"),
            ],
            takesBodySlot: true)
        self.client = client
        left = Mutex(count)
    }

    func begin() -> HTTPRequest? { request }

    func end(_ result: Result<HTTPResponse, HTTPError>) {
        workers.post { self.work(result) }
    }

    private func work(_ result: Result<HTTPResponse, HTTPError>) {
        switch result {
        case .success(let response) where response.status == 200 && response.body.count > 0:
            response.body.letGo()
            let left = left.withLock { left in
                left -= 1
                return left
            }
            if left > 0 {
                client.schedule(self, atNs: clock.monotonicNs)
            } else {
                _ = over.push(.success(()))
            }
        case .success(let response):
            _ = over.push(.failure(BenchError("the page came with status \(response.status)")))
        case .failure(let error): _ = over.push(.failure(BenchError("the page did not come: \(error)")))
        }
    }

    /// Returns when the last page was let go of; throws when one did not come.
    func waitForEnd() throws { try over.pop()?.get() }
}
