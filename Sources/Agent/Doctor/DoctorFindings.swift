/// What one check found, and what it learned for others.
struct DoctorFindings: Sendable {
    var lines: [DoctorLine] = []
    var clocks: [ClockFacts] = []
    /// Of one job.
    var targetCount: Int?

    init(_ lines: [DoctorLine] = [], clock: ClockFacts? = nil, targetCount: Int? = nil) {
        self.lines = lines
        clocks = clock.map { [$0] } ?? []
        self.targetCount = targetCount
    }
}
