/// Which steps are in force against a process that grows towards its ceiling on memory. Knows neither a clock
/// nor the process: both are told to it.
///
/// A step begins as soon as the memory in use reaches its mark, and several may begin at one look. It ends
/// once the memory has been more than 5 % of the ceiling below its mark for 30 seconds. So steps end in the
/// reverse order, and no step ends while the memory is still near the mark at which it would begin again.
public struct MemoryPressure: Sendable {
    public enum Step: Int, CaseIterable, Comparable, Sendable {
        /// Response bodies wait for others: fewer are received at a time.
        case bodiesWait = 1
        /// Connections that nobody uses are closed, and caches are emptied.
        case connectionsClose
        /// Memory that is free in the process goes back to the kernel.
        case memoryGoesBack
        /// Series that are new in the jobs that grow fastest are refused.
        case newSeriesAreShed
        /// Targets that are new are not scraped yet.
        case newTargetsWait

        /// Where the step begins, in percent of the ceiling.
        public var markPercent: UInt64 {
            switch self {
            case .bodiesWait: 80
            case .connectionsClose: 85
            case .memoryGoesBack: 88
            case .newSeriesAreShed: 92
            case .newTargetsWait: 95
            }
        }

        /// Bytes of the mark under a ceiling.
        public func markBytes(ceilingBytes: UInt64) -> UInt64 {
            MemoryCeiling.part(markPercent, of: ceilingBytes)
        }

        public static func < (left: Step, right: Step) -> Bool { left.rawValue < right.rawValue }
    }

    public enum Action: Equatable, Sendable {
        /// The step is in force from now on. `isFirst`: for the first time since no step was in force.
        case begins(Step, isFirst: Bool)
        /// The step is no longer in force.
        case ends(Step)
        /// No step is in force any more; comes behind the end of the first one.
        case isOver
    }

    /// How far below a step's mark the memory has to be for the step to end, in percent of the ceiling.
    static let slackPercent: UInt64 = 5
    /// For how long it has to be there. Longer than most scrape intervals: what was held back may come with
    /// the next scrape.
    static let calmNs: UInt64 = 30_000_000_000

    /// Of the last step in force; zero for none.
    private var last = 0
    /// When the memory was last too high for the end of each step; by their raw values.
    private var highNs: [UInt64]
    /// Steps that have begun since no step was in force, a bit each.
    private var begun: UInt8 = 0

    public init() { highNs = Array(repeating: 0, count: Step.allCases.count + 1) }

    /// The last step in force, which those before are in force with; nil for none.
    public var step: Step? { Step(rawValue: last) }

    /// Whether a step is in force.
    public func isInForce(_ step: Step) -> Bool { step.rawValue <= last }

    /// Takes a look at the memory. The steps that begin come in their order, or else those that end in the
    /// reverse order. `nowNs` is of a clock that does not go back, `ceilingBytes` more than zero.
    public mutating func observed(usedBytes: UInt64, ceilingBytes: UInt64, nowNs: UInt64) -> [Action] {
        precondition(ceilingBytes > 0, "without a ceiling nobody looks")
        var actions: [Action] = []
        for step in Step.allCases {
            let endBytes = MemoryCeiling.part(step.markPercent - Self.slackPercent, of: ceilingBytes)
            if usedBytes >= endBytes { highNs[step.rawValue] = nowNs }
        }
        while let next = Step(rawValue: last + 1), usedBytes >= next.markBytes(ceilingBytes: ceilingBytes) {
            last = next.rawValue
            let bit: UInt8 = 1 << UInt8(last)
            actions.append(.begins(next, isFirst: begun & bit == 0))
            begun |= bit
        }
        guard actions.isEmpty else { return actions }
        while let step, nowNs >= highNs[last], nowNs - highNs[last] >= Self.calmNs {
            last -= 1
            actions.append(.ends(step))
            if last == 0 {
                actions.append(.isOver)
                begun = 0
            }
        }
        return actions
    }

    /// Bytes that new series of all jobs may take until the next look. Before the fourth step they may reach
    /// a little beyond its mark: what is refused then is refused under a step that has a line and a number.
    /// While it is in force jobs that do not shed go on up to the mark of the last step, and under that one
    /// there is no room for anybody.
    public func leftBytes(usedBytes: UInt64, ceilingBytes: UInt64) -> Int {
        guard !isInForce(.newTargetsWait) else { return 0 }
        let percent =
            isInForce(.newSeriesAreShed)
            ? Step.newTargetsWait.markPercent : Step.newSeriesAreShed.markPercent + 1
        let mark = MemoryCeiling.part(percent, of: ceilingBytes)
        // Never Int.max, which stands for no ceiling.
        return min(mark > usedBytes ? Int(clamping: mark - usedBytes) : 0, .max - 1)
    }

    /// When to look again, milliseconds. Below half of the ceiling once a second is enough: what comes until
    /// then takes from the room that is left.
    public static func nextLookMs(usedBytes: UInt64, ceilingBytes: UInt64) -> Int {
        usedBytes < ceilingBytes / 2 ? 1_000 : 250
    }
}
