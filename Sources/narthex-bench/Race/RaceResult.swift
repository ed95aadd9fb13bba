import JSON

/// What one run of one agent has shown.
struct RaceResult {
    /// What the agent was like at one moment of the measured time.
    struct Point: Equatable {
        /// Since the measured time began.
        let seconds: Double
        /// Cores that the agent was busy on since the point before.
        let cores: Double
        let rssMiB: Double
        /// Samples that the endpoint has taken since the point before, a second.
        let samplesPerSecond: Double
    }

    let agent: String
    let scenario: String
    let round: Int
    var figures: [RaceColumn: Double] = [:]
    var points: [Point] = []
    /// What went wrong, in words; such a run has no figures that compare.
    var fault: String?
    /// Why the figures may not be the agent's.
    var warning: String?
    /// What one has to know about the figures.
    var notes: [String] = []

    var json: JSONValue {
        .object([
            "agent": .string(agent), "scenario": .string(scenario), "round": .integer(round),
            "fault": fault.map(JSONValue.string),
            "warning": warning.map(JSONValue.string),
            "notes": notes.isEmpty ? nil : .strings(notes),
            "figures": .object(
                RaceColumn.allCases.compactMap { column in
                    figures[column].map { JSONValue.Member(column.rawValue, .double($0)) }
                }),
            "points": .array(
                points.map { point in
                    [
                        "seconds": .double(point.seconds), "cores": .double(point.cores),
                        "rssMiB": .double(point.rssMiB),
                        "samplesPerSecond": .double(point.samplesPerSecond),
                    ]
                }),
        ])
    }

    /// One result of several rounds of an agent: of each figure the median, and the points of the first
    /// round. Counts of what must not happen are summed up, so that no round hides another's. A round that
    /// was interrupted or failed has no part in a median when there are others.
    static func joined(_ rounds: [RaceResult]) -> RaceResult? {
        guard var joined = rounds.first else { return nil }
        let whole = rounds.filter { $0.fault == nil }
        for column in RaceColumn.allCases {
            let counted = column.isCount || whole.isEmpty ? rounds : whole
            let values = counted.compactMap { $0.figures[column] }.sorted()
            guard !values.isEmpty else { continue }
            let middle = values.count / 2
            let median = values.count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2
            joined.figures[column] = column.isCount ? values.reduce(0, +) : median
        }
        joined.fault = rounds.compactMap(\.fault).first
        joined.warning = rounds.compactMap(\.warning).first
        joined.notes = rounds.flatMap(\.notes).reduce(into: []) { notes, note in
            if !notes.contains(note) { notes.append(note) }
        }
        return joined
    }
}

extension RaceColumn {
    fileprivate var isCount: Bool {
        switch self {
        case .exposed, .missing, .leftOut, .givenUp, .undecided, .surplus, .duplicates, .outOfOrder,
            .refused, .unsigned, .badlySigned, .memoryKills:
            true
        default: false
        }
    }
}
