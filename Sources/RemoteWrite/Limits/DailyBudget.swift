/// A budget of bytes a day for one destination, with classes of priority by job: as it runs out, the
/// samples of lower classes are let go first.
///
/// A day is one of UTC. What is counted is the bytes of request bodies after compression, every try
/// included: what a metered line charges for.
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

    let limitBytes: UInt64
    /// Jobs that are not named are of the class `normal`.
    let priorities: [String: Priority]
    private(set) var usedBytes: UInt64 = 0
    private var day: Int64?

    init(limitBytes: UInt64, priorities: [String: Priority] = [:]) {
        self.limitBytes = limitBytes
        self.priorities = priorities
    }

    /// Whether a job's samples may be sent now.
    mutating func allows(_ job: String, _ wallMs: Int64) -> Bool {
        turn(wallMs)
        let share = (priorities[job] ?? .normal).share
        return Double(usedBytes) < Double(limitBytes) * share
    }

    /// A request leaves.
    mutating func began(bytes: Int, _ wallMs: Int64) {
        turn(wallMs)
        let (sum, overflows) = usedBytes.addingReportingOverflow(UInt64(max(0, bytes)))
        usedBytes = overflows ? .max : sum
    }

    /// A request that was to leave has not.
    mutating func stayed(bytes: Int) { usedBytes -= min(usedBytes, UInt64(max(0, bytes))) }

    /// A clock that goes back does not give the day's budget out a second time.
    private mutating func turn(_ wallMs: Int64) {
        let today = wallMs >= 0 ? wallMs / Self.dayMs : (wallMs + 1) / Self.dayMs - 1
        guard let day else {
            self.day = today
            return
        }
        guard today > day else { return }
        self.day = today
        usedBytes = 0
    }
}
