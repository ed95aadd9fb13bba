import Platform
import WriteAheadBuffer

/// What the bytes of a buffer on the disk are spent on.
struct DensityReport {
    /// Bytes a sample, by part. They are those of a whole segment, its beginning included, so they depend on
    /// how often each target was scraped.
    typealias Budgets = [BufferDensity.Part: Double]

    private let density: BufferDensity
    /// Bytes of the segments that no part has.
    private let unexplainedBytes: UInt64

    /// Looks at a directory; throws when something there is damaged or cannot be read.
    init(directory: String) throws {
        let survey = try BufferInspection(directory: directory, files: POSIXFiles()).survey()
        guard !survey.isDamaged, !survey.isUnreadable else {
            throw BenchError("the buffer in \(directory) is damaged: \(survey.findings)")
        }
        density = survey.density
        let fileBytes = survey.segments.reduce(UInt64(0)) { $0 + $1.bytes }
        unexplainedBytes = fileBytes - min(fileBytes, density.bytes)
    }

    /// Adds a line for each part that is there; those without a budget are only shown.
    func add(to report: inout BudgetReport, _ budgets: Budgets) {
        report.check("buffer, bytes of no part", Double(unexplainedBytes), atMost: 0)
        for part in BufferDensity.Part.allCases where density[part] > 0 || budgets[part] != nil {
            let name = "buffer: \(part.name), bytes a sample"
            let figure = density.perSample(density[part]) ?? .infinity
            if let budget = budgets[part] {
                report.check(name, figure, atMost: budget)
            } else {
                report.note(name, figure)
            }
        }
        for mode in BufferDensity.Mode.allCases where density[mode].values > 0 {
            let column = density[mode]
            report.note("column: \(mode.name), % of the values", 100 * Self.share(column.values, of: values))
            report.note("column: \(mode.name), bytes a value", Self.share(column.bytes, of: column.values))
        }
    }

    private var values: UInt64 { BufferDensity.Mode.allCases.reduce(0) { $0 + density[$1].values } }

    private static func share(_ part: UInt64, of whole: UInt64) -> Double { Double(part) / Double(whole) }
}
