internal import Configuration
import Synchronization

/// The limits of one's own on a destination, which all of its requests share.
final class OwnLimits: Sendable {
    private struct State {
        var rates: RateLimits
        var budget: DailyBudget?
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
    func begin(bytes: Int, samples: Int, nowNs: UInt64, wallMs: Int64) -> UInt64? {
        state.withLock { state in
            let earliestNs = state.rates.earliestNs(nowNs)
            guard earliestNs <= nowNs else { return earliestNs }
            state.rates.began(bytes: bytes, samples: samples, nowNs)
            state.budget?.began(bytes: bytes, wallMs)
            return nil
        }
    }

    /// A request that was to leave has not: what `begin` took is given back.
    func stayed(bytes: Int, samples: Int) {
        state.withLock { state in
            state.rates.stayed(bytes: bytes, samples: samples)
            state.budget?.stayed(bytes: bytes)
        }
    }

    /// Whether the budget of today is used up for the class of a job.
    func isUsedUp(forJob job: String, wallMs: Int64) -> Bool {
        guard hasBudget else { return false }
        return state.withLock { !($0.budget?.allows(job, wallMs) ?? true) }
    }

    /// Bytes of today's budget that are used.
    var usedBytes: UInt64 { state.withLock { $0.budget?.usedBytes ?? 0 } }
}
