public import Platform
import Synchronization

/// Begins exchanges at their time with a task for each: for whoever can only `perform`, as a client that has
/// to fetch a token first. Costs several times what `HTTPClient`'s own scheduling does.
public final class HTTPTaskScheduler: HTTPScheduling {
    private struct State {
        var nextID: UInt64 = 0
        var tasks: [UInt64: Task<Void, Never>] = [:]
    }

    private let http: any HTTPPerforming
    private let clock: any AgentClock
    private let state = Mutex(State())

    public init(_ http: any HTTPPerforming, clock: any AgentClock) {
        self.http = http
        self.clock = clock
    }

    @discardableResult
    public func schedule(_ exchange: any HTTPExchange, atNs deadlineNs: UInt64) -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            let id = state.nextID
            // The task takes itself out under the same lock, so not before it has been put in.
            state.tasks[id] = Task { [http, clock] in
                let result = await Self.carryOut(exchange, atNs: deadlineNs, http, clock)
                self.state.withLock { $0.tasks[id] = nil }
                if let result { exchange.end(result) }
            }
            return id
        }
    }

    public func cancel(_ id: UInt64) { state.withLock { $0.tasks[id] }?.cancel() }

    private static func carryOut(
        _ exchange: any HTTPExchange, atNs deadlineNs: UInt64, _ http: any HTTPPerforming,
        _ clock: any AgentClock
    ) async -> Result<HTTPResponse, HTTPError>? {
        do {
            try await clock.sleep(untilNs: deadlineNs)
        } catch {
            // Sleeping throws only when the task is cancelled.
            return .failure(HTTPError(.cancelled, "the request was cancelled"))
        }
        guard var request = exchange.begin() else { return nil }
        // Decoding takes its time, and this task runs on one of the few threads that all tasks share.
        request.decodesBody = false
        do throws(HTTPError) {
            return .success(try await http.perform(request))
        } catch {
            return .failure(error)
        }
    }
}
