/// A budget of bytes a day for one destination, with classes of priority by job: as it runs out, the
/// samples of lower classes are let go first.
///
/// A day is one of UTC. What is counted is the bytes of request bodies after compression, every try
/// included: what a metered line charges for. Bytes are reserved before they leave, so that requests which
/// are cut at the same time do not each take the last of them.
struct DailyBudget: Sendable, Equatable {
    /// How important a job's samples are.
    enum Priority: String, Sendable, CaseIterable {
        case high, normal, low

        /// The share of the budget up to which samples of this class are sent.
        var share: Double {
            switch self {
            case .high: 1
            case .normal: 0.9
            case .low: 0.7
            }
        }
    }

    private static let dayMs: Int64 = 86_400_000
    /// What of the budget requests may take that are tried again, before they have to wait.
    private static let retryShare = 0.1
    /// However little is left, a request is tried again after an hour.
    private static let longestWaitNs: UInt64 = 3_600_000_000_000
    /// Between two new budgets lies half a day at least, whatever the clock says.
    static let shortestDayNs: UInt64 = 43_200_000_000_000

    let limitBytes: UInt64
    /// Jobs that are not named are of the class `normal`.
    let priorities: [String: Priority]
    private(set) var usedBytes: UInt64 = 0
    /// Of them, for requests that are tried again.
    private(set) var retriedBytes: UInt64 = 0
    /// When the day ends, by the monotonic clock; nil before the first look at the clocks.
    private var endNs: UInt64?
    private var beganNs: UInt64?

    init(limitBytes: UInt64, priorities: [String: Priority] = [:]) {
        self.limitBytes = limitBytes
        self.priorities = priorities
    }

    /// Whether a job's samples may be sent now. `reserved` is what the asking request has reserved itself.
    mutating func allows(_ job: String, reserved: Int = 0, nowNs: UInt64, wallMs: Int64) -> Bool {
        turn(nowNs, wallMs)
        let share = (priorities[job] ?? .normal).share
        let others = usedBytes - min(usedBytes, UInt64(max(0, reserved)))
        return Double(others) < Double(limitBytes) * share
    }

    /// Bytes that are to leave.
    mutating func reserve(_ bytes: Int, nowNs: UInt64, wallMs: Int64) {
        turn(nowNs, wallMs)
        usedBytes = Self.sum(usedBytes, bytes)
    }

    /// Bytes that were reserved have not left, and are not to leave any more.
    mutating func giveBack(_ bytes: Int) { usedBytes -= min(usedBytes, UInt64(max(0, bytes))) }

    /// Reserves the bytes of a request that has failed and is to be tried again, and says how long it has to
    /// wait: not at all at first. When tries have taken a tenth of the budget, they come so far apart that a
    /// day of them takes another tenth.
    mutating func reserveRetry(_ bytes: Int, nowNs: UInt64, wallMs: Int64) -> UInt64 {
        reserve(bytes, nowNs: nowNs, wallMs: wallMs)
        retriedBytes = Self.sum(retriedBytes, bytes)
        let most = Double(limitBytes) * Self.retryShare
        guard Double(retriedBytes) > most else { return 0 }
        let seconds = Double(max(0, bytes)) / most * Double(Self.dayMs / 1_000)
        return UInt64(min(seconds * 1e9, Double(Self.longestWaitNs)))
    }

    /// Whether more is used and reserved than there is.
    mutating func isOverdrawn(nowNs: UInt64, wallMs: Int64) -> Bool {
        turn(nowNs, wallMs)
        return usedBytes > limitBytes
    }

    /// Begins a new day at midnight. A wall clock that jumps, forth or back, gives no new budget: the end of
    /// the day is kept by the monotonic clock, and only comes nearer where the wall clock says that midnight
    /// is nearer.
    private mutating func turn(_ nowNs: UInt64, _ wallMs: Int64) {
        let sinceMidnightMs = wallMs % Self.dayMs + (wallMs % Self.dayMs < 0 ? Self.dayMs : 0)
        let midnightNs = nowNs + UInt64(Self.dayMs - sinceMidnightMs) * 1_000_000
        guard let endNs else {
            self.endNs = midnightNs
            return
        }
        guard nowNs >= endNs else {
            self.endNs = min(endNs, midnightNs)
            return
        }
        if let beganNs, nowNs < beganNs + Self.shortestDayNs { return }
        self.endNs = midnightNs
        beganNs = nowNs
        (usedBytes, retriedBytes) = (0, 0)
    }

    private static func sum(_ bytes: UInt64, _ more: Int) -> UInt64 {
        let (sum, overflows) = bytes.addingReportingOverflow(UInt64(max(0, more)))
        return overflows ? .max : sum
    }
}
