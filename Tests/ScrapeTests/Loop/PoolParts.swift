import Configuration
import HTTPTransport
import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Scrape

/// Answers requests as the test says and counts them.
final class FakeHTTP: HTTPPerforming {
    private let answers: Mutex<[String: Result<String, HTTPError>]> = Mutex([:])
    private let requests = Mutex<[String]>([])

    func answer(_ url: String, _ body: String) { answers.withLock { $0[url] = .success(body) } }
    func fail(_ url: String, _ error: HTTPError) { answers.withLock { $0[url] = .failure(error) } }
    var requestCount: Int { requests.withLock { $0.count } }

    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        requests.withLock { $0.append(request.url) }
        let body = try (answers.withLock { $0[request.url] } ?? .failure(HTTPError(.connect, "refused")))
            .get()
        return HTTPResponse(
            status: 200, headers: HTTPHeaders([HTTPHeader(name: "Content-Type", value: "text/plain")]),
            body: HTTPBody(Array(body.utf8)))
    }
}

/// Begins exchanges as a client does, and tells how many are not over.
final class CountedHTTP: HTTPPerforming, HTTPScheduling {
    private final class Watched: HTTPExchange {
        private let exchange: any HTTPExchange
        private let over: @Sendable () -> Void

        init(_ exchange: any HTTPExchange, over: @escaping @Sendable () -> Void) {
            self.exchange = exchange
            self.over = over
        }

        func begin() -> HTTPRequest? {
            let request = exchange.begin()
            if request == nil { over() }
            return request
        }

        func end(_ result: Result<HTTPResponse, HTTPError>) {
            exchange.end(result)
            over()
        }
    }

    private final class Count: Sendable {
        let state = Mutex((open: 0, changes: 0))

        func add(_ number: Int) { state.withLock { $0 = ($0.open + number, $0.changes + 1) } }
    }

    private let http: FakeHTTP
    private let scheduler: HTTPTaskScheduler
    private let count = Count()

    init(_ http: FakeHTTP, clock: ManualClock) {
        self.http = http
        scheduler = HTTPTaskScheduler(http, clock: clock)
    }

    /// Exchanges that wait for their time or are under way.
    var open: Int { count.state.withLock { $0.open } }
    /// How often that number has changed.
    var changes: Int { count.state.withLock { $0.changes } }

    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        try await http.perform(request)
    }

    @discardableResult
    func schedule(_ exchange: any HTTPExchange, atNs deadlineNs: UInt64) -> UInt64 {
        count.add(1)
        return scheduler.schedule(Watched(exchange) { [count] in count.add(-1) }, atNs: deadlineNs)
    }

    func cancel(_ id: UInt64) { scheduler.cancel(id) }
}

/// Keeps frames, and fails when told to.
final class FakeAppender: FrameAppending {
    struct Full: Error {}
    private let state = Mutex<(frames: [Frame], isFull: Bool)>(([], false))

    var frames: [Frame] { state.withLock { $0.frames } }
    func setFull(_ isFull: Bool) { state.withLock { $0.isFull = isFull } }

    func append(_ frame: Frame) throws {
        try state.withLock { state in
            if state.isFull { throw Full() }
            state.frames.append(frame)
        }
    }
}

/// A pool with everything around it in the test's hand.
struct PoolParts {
    let http = FakeHTTP()
    let exchanges: CountedHTTP
    let appender = FakeAppender()
    let clock = ManualClock(wallMs: 1_700_000_000_000)
    let registry = MetricRegistry()
    let log = LogLines()
    let workers = WorkerPool(name: "test", threads: 1)
    let plan: ScrapePlan
    let room = MemoryRoom()
    let pool: ScrapePool

    init(
        intervalMs: Int64 = 10_000, targetLimit: Int = 0, shedsAbove sampleLimit: Int = 0,
        honorLabels: Bool = false, failureLog: ScrapeFailureLog? = nil, fleet: ScrapeFleet? = nil,
        whenOldAreOver: @escaping @Sendable () -> Void = {}
    ) {
        var configuration = ScrapeConfiguration(
            jobName: "j", scrapeIntervalMs: intervalMs, scrapeTimeoutMs: 5_000)
        configuration.targetLimit = targetLimit
        configuration.honorLabels = honorLabels
        configuration.limits.samples = sampleLimit
        if sampleLimit > 0 { configuration.onLimit = .shed }
        exchanges = CountedHTTP(http, clock: clock)
        plan = ScrapePlan(
            configuration: configuration, externalLabels: LabelSet([Label("region", "r")]), http: exchanges,
            offsetSeed: 1, failureLog: failureLog, fleet: fleet)
        pool = ScrapePool(
            plan, workers: workers, appender: appender, interner: LayoutInterner(), clock: clock,
            registry: registry, logger: log.logger, room: room, whenOldAreOver: whenOldAreOver)
    }

    /// Moves the clock on in steps until `condition` holds, each when loops and worker have come to rest.
    func advance(
        upToMs limit: Int64 = 60_000, until condition: () -> Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        var spentMs: Int64 = 0
        while true {
            await settle()
            if condition() || spentMs >= limit { break }
            clock.advance(ms: 50)
            spentMs += 50
        }
        #expect(condition(), sourceLocation: sourceLocation)
    }

    /// Lets the loops and the worker come to rest: every exchange sleeps, and the worker has nothing to do.
    func settle() async {
        while true {
            let seen = exchanges.changes
            while clock.sleeperCount != exchanges.open { await Task.yield() }
            await workers.run {}
            if exchanges.changes == seen, clock.sleeperCount == exchanges.open { return }
        }
    }

    /// Lets so much time pass, whatever happens in it.
    func pass(ms: Int64) async {
        for _ in 0..<ms / 50 {
            await settle()
            clock.advance(ms: 50)
        }
        await settle()
    }

    /// Runs the pool while `body` lasts.
    func running(_ body: () async throws -> Void) async rethrows {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pool.run() }
            defer { group.cancelAll() }
            // The clock must not move before the loops of the targets that there are have begun.
            for _ in 0..<10_000 where exchanges.changes == 0 { await Task.yield() }
            try await body()
        }
    }
}
