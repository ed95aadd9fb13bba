/// How this machine's clock compares to that of a server, which its answer tells in the Date header.
struct ClockFacts: Sendable, Equatable {
    /// Who told the time.
    var teller: String
    /// Whether that is AWS itself rather than a destination somebody else runs.
    var isAWS = false
    /// Milliseconds since 1970 as the answer said: whole seconds, cut.
    var serverMs: Int64
    /// The clock here when the question went out and when the answer was there.
    var askedMs: Int64
    var answeredMs: Int64

    /// What is called a difference: less has no consequence that anybody sees.
    static let toleranceMs: Int64 = 5_000

    /// Here minus there, milliseconds: above zero where this machine's clock is ahead.
    var aheadMs: Int64 {
        // A header with a date far away must not trap.
        let middleMs = askedMs / 2 + answeredMs / 2
        let (difference, overflows) = middleMs.subtractingReportingOverflow(serverMs)
        return overflows
            ? (serverMs < 0 ? .max : .min) : difference.subtractingReportingOverflow(500).partialValue
    }

    /// How far off that may be: half of the way there and back, and half of a second that Date cuts.
    private var errorMs: Int64 { max(0, answeredMs - askedMs) / 2 + 500 }

    /// The verdict of the best of them: AWS comes first, then whoever answered soonest.
    static func line(_ facts: [ClockFacts], isSynchronised: Bool?) -> DoctorLine {
        let best = facts.min {
            ($0.isAWS ? 0 : 1, $0.errorMs) < ($1.isAWS ? 0 : 1, $1.errorMs)
        }
        guard let best else {
            return .skipped("clock", "nobody answered with the time of day")
        }
        let kernel =
            switch isSynchronised {
            case true?: "; the kernel takes its clock for synchronised"
            case false?: "; the kernel does not take its clock for synchronised"
            case nil: ""
            }
        let difference = best.aheadMs
        let seconds = ByteText.decimal(Double(difference.magnitude) / 1_000)
        guard difference.magnitude > UInt64(toleranceMs + best.errorMs) else {
            return .ok("clock", "agrees with that of \(best.teller)\(kernel)")
        }
        return .wrong(
            "clock",
            "\(seconds) s \(difference < 0 ? "behind" : "ahead of") that of \(best.teller)\(kernel)",
            remedy: "set the clock (timedatectl set-ntp true, chrony): samples carry its time, and AWS takes "
                + "neither signatures five minutes off nor samples an hour old")
    }
}
