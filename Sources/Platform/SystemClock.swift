internal import CPlatform

#if canImport(Glibc)
import Glibc
#endif

/// The kernel's clocks.
public struct SystemClock: AgentClock {
    public init() {}

    public var wallMs: Int64 { Self.read(CLOCK_REALTIME, perSecond: 1_000) }

    public var monotonicNs: UInt64 { UInt64(Self.read(CLOCK_MONOTONIC, perSecond: 1_000_000_000)) }

    public var elapsedNs: UInt64 { UInt64(Self.read(CLOCK_BOOTTIME, perSecond: 1_000_000_000)) }

    public var isSynchronised: Bool? {
        let answer = narthex_clock_is_synchronised()
        return answer < 0 ? nil : answer > 0
    }

    public var isKernels: Bool { true }

    public func sleep(untilNs deadlineNs: UInt64) async throws {
        let nowNs = monotonicNs
        guard deadlineNs > nowNs else { return try Task.checkCancellation() }
        try await Task.sleep(nanoseconds: deadlineNs - nowNs)
    }

    private static func read(_ id: clockid_t, perSecond: Int64) -> Int64 {
        var now = timespec()
        // Safety: `now` lives through the call and the three clocks exist on every Linux.
        let status = unsafe clock_gettime(id, &now)
        precondition(status == 0, "clock_gettime knows the three clocks asked for")
        return Int64(now.tv_sec) * perSecond + Int64(now.tv_nsec) / (1_000_000_000 / perSecond)
    }
}
