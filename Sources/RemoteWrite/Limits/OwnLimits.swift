internal import Configuration
import Synchronization

/// The limits that the configuration sets on what a destination is sent (`limits`). All of its requests share
/// them.
final class OwnLimits: Sendable {
    private struct State {
        var rates: RateLimits
        var budget: DailyBudget?
        /// Of the last body that was cut: so much is reserved for the next until its length is known.
        var expectedBytes = 0
    }

    private let state: Mutex<State>
    /// Whether there is a budget a day at all.
    let hasBudget: Bool

    init(_ limits: DestinationLimits = DestinationLimits()) {
        var priorities: [String: DailyBudget.Priority] = [:]
        for job in limits.lowPriorityJobs { priorities[job] = .low }
        for job in limits.highPriorityJobs { priorities[job] = .high }
        hasBudget = limits.bytesPerDay > 0
        state = Mutex(
            State(
                rates: RateLimits(
                    bytesPerSecond: Double(limits.bytesPerSecond),
                    requestsPerSecond: limits.requestsPerSecond,
                    samplesPerSecond: Double(limits.samplesPerSecond)),
                budget: limits.bytesPerDay > 0
                    ? DailyBudget(limitBytes: limits.bytesPerDay, priorities: priorities) : nil))
    }

    /// When the next request may leave.
    func earliestNs(_ nowNs: UInt64) -> UInt64 { state.withLock { $0.rates.earliestNs(nowNs) } }

    /// A request is to leave; `bytes` of its body. Nil: it leaves. Else when it may, and nothing is taken.
    /// The budget of the day has had its bytes since it was cut, or since it was decided to try it again.
    func begin(bytes: Int, samples: Int, nowNs: UInt64) -> UInt64? {
        state.withLock { state in
            let earliestNs = state.rates.earliestNs(nowNs)
            guard earliestNs <= nowNs else { return earliestNs }
            state.rates.began(bytes: bytes, samples: samples, nowNs)
            return nil
        }
    }

    /// A request is about to be cut: reserves of the day's budget what the last one took. The answer goes to
    /// `isUsedUp` and `cut`.
    func reserve(nowNs: UInt64, wallMs: Int64) -> Int {
        guard hasBudget else { return 0 }
        return state.withLock { state in
            state.budget?.reserve(state.expectedBytes, nowNs: nowNs, wallMs: wallMs)
            return state.expectedBytes
        }
    }

    /// The request was cut: its body has so many bytes, which stay reserved in place of `reserved`. Nil:
    /// there is none.
    func cut(bytes: Int?, reserved: Int, nowNs: UInt64, wallMs: Int64) {
        guard hasBudget else { return }
        state.withLock { state in
            state.budget?.giveBack(reserved)
            guard let bytes else { return }
            state.budget?.reserve(bytes, nowNs: nowNs, wallMs: wallMs)
            state.expectedBytes = bytes
        }
    }

    /// Bytes that were reserved are not to leave any more.
    func giveBack(bytes: Int) { state.withLock { $0.budget?.giveBack(bytes) } }

    /// Reserves the bytes of a request that failed and is tried again. When it may leave.
    func reserveRetry(bytes: Int, nowNs: UInt64, wallMs: Int64) -> UInt64 {
        guard hasBudget else { return nowNs }
        return state.withLock {
            nowNs + ($0.budget?.reserveRetry(bytes, nowNs: nowNs, wallMs: wallMs) ?? 0)
        }
    }

    /// Whether a request that failed is not tried again today, as its bytes are more than is left.
    func isOverdrawn(nowNs: UInt64, wallMs: Int64) -> Bool {
        guard hasBudget else { return false }
        return state.withLock { $0.budget?.isOverdrawn(nowNs: nowNs, wallMs: wallMs) ?? false }
    }

    /// Whether the budget of today is used up for the class of a job, of which the request that is cut has
    /// `reserved`.
    func isUsedUp(forJob job: String, reserved: Int = 0, nowNs: UInt64, wallMs: Int64) -> Bool {
        guard hasBudget else { return false }
        return state.withLock {
            !($0.budget?.allows(job, reserved: reserved, nowNs: nowNs, wallMs: wallMs) ?? true)
        }
    }

    /// Whether a request of metadata leaves.
    enum Start: Equatable {
        case now
        /// Not before this moment, and nothing is taken.
        case later(UInt64)
        /// The budget of today has nothing for metadata any more.
        case usedUp
    }

    /// A request of metadata is to leave. They belong to no job, and have the share of the day's budget that
    /// jobs of no class have.
    func beginMetadata(bytes: Int, nowNs: UInt64, wallMs: Int64) -> Start {
        state.withLock { state in
            guard state.budget?.allows("", nowNs: nowNs, wallMs: wallMs) ?? true else { return .usedUp }
            let earliestNs = state.rates.earliestNs(nowNs)
            guard earliestNs <= nowNs else { return .later(earliestNs) }
            state.rates.began(bytes: bytes, samples: 0, nowNs)
            state.budget?.reserve(bytes, nowNs: nowNs, wallMs: wallMs)
            return .now
        }
    }

    /// Bytes of today's budget that are used, or reserved for requests that are about to leave.
    var usedBytes: UInt64 { state.withLock { $0.budget?.usedBytes ?? 0 } }
}
