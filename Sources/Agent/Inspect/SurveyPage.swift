import Configuration
import JSON
import Platform
import WriteAheadBuffer

/// What `narthex buffer inspect` and `verify` show of a buffer.
struct SurveyPage {
    let survey: BufferSurvey
    let directory: String
    let nowMs: Int64

    // MARK: text

    /// For `verify`: what is wrong, a line each, and what was looked at.
    var verdict: String {
        let verdict =
            survey.isDamaged ? "damaged" : survey.isUnreadable ? "not all could be read" : "no damage"
        return findings + survey.segments.count.counted("segment") + ", "
            + survey.destinations.count.counted("cursor") + "; \(whatIsLeft): \(verdict)\n"
    }

    /// How many samples can be read, and how many cannot.
    private var whatIsLeft: String {
        var parts = [survey.density.samples.counted("sample") + " can be read"]
        if !survey.lost.isEmpty {
            let (total, jobs) = Self.byJob(survey.lost)
            let least = survey.mayHaveLostMore ? "at least " : ""
            parts.append("\(least)\(total) \(total == 1 ? "is" : "are") lost (\(jobs))")
        } else if survey.mayHaveLostMore {
            parts.append("how many are lost is not known")
        }
        if !survey.absent.isEmpty {
            let (total, jobs) = Self.byJob(survey.absent)
            parts.append("\(total) stood in segments that are not in the directory (\(jobs))")
        }
        return parts.joined(separator: ", ")
    }

    /// Jobs that a sum names.
    static let mostJobs = 8

    /// All samples, and of the jobs that have most of them how many each has.
    private static func byJob(_ samples: [String: UInt64]) -> (total: UInt64, jobs: String) {
        let ordered = samples.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let named = ordered.prefix(mostJobs).map { VisibleText.shown("job \($0.key) \($0.value)") }
        let more = ordered.count - named.count
        // A forged buffer may say any number.
        let total = ordered.reduce(UInt64(0)) { sum, job in
            let (next, isTooMuch) = sum.addingReportingOverflow(job.value)
            return isTooMuch ? .max : next
        }
        return (
            total,
            named.joined(separator: ", ") + (more > 0 ? " and \(more.counted("more job"))" : "")
        )
    }

    private var findings: String {
        survey.findings.map { $0.line(isHeld: survey.process != nil) }.joined()
            + (survey.moreFindings > 0 ? "… and \(survey.moreFindings) more\n" : "")
    }

    /// For `inspect`.
    var text: String {
        let holder = survey.process.map { "process \($0) runs there" } ?? "no process is seen to run there"
        let density = survey.density
        var text = VisibleText.shown("\(directory): \(holder)")
        text += "\n\(density.bytes) bytes, \(density.samples) samples, \(each(density.bytes)) bytes each\n"
        for destination in survey.destinations { text += self.text(of: destination) }
        var rows = [["job", "samples"] + Self.amountHeads]
        for (job, held) in survey.held.sorted(by: { $0.key < $1.key }) {
            rows.append([job, "\(held.samples)"] + amount(held))
        }
        text += "\nheld\n" + Self.table(rows)
        rows = [["segment", "version", "file bytes", "samples"] + Self.amountHeads]
        for segment in survey.segments {
            let version = segment.version.map { "\($0)" } ?? "-"
            let head = ["\(segment.number)", version, "\(segment.bytes)", "\(segment.held.samples)"]
            rows.append(head + amount(segment.held))
        }
        text += "\nsegments\n" + Self.table(rows)
        rows = [["part", "bytes", "bytes a sample"]]
        for part in BufferDensity.Part.allCases {
            rows.append([part.name, "\(density[part])", each(density[part])])
        }
        text += "\ndensity\n" + Self.table(rows)
        rows = [["chunks of columns", "chunks", "values", "bytes", "bitmaps", "codes", "bytes a value"]]
        for mode in BufferDensity.Mode.allCases {
            let column = density[mode]
            rows.append([
                mode.name, "\(column.chunks)", "\(column.values)", "\(column.bytes)",
                "\(column.bitmapBytes)", "\(column.codeBytes)", Self.ratio(column.bytes, column.values),
            ])
        }
        text += Self.table(rows)
        return survey.findings.isEmpty ? text : text + "\nfindings\n" + findings
    }

    private func text(of destination: BufferSurvey.Destination) -> String {
        let mark = destination.mark.map { "\($0)" } ?? "an unknown place"
        let head = VisibleText.shown(
            "destination \(destination.name ?? destination.file): answered for up to \(mark) and in "
                + destination.ranges.counted("range") + " beyond, "
                + destination.requests.counted("request") + " in flight")
        var rows = [["job", "scraped", "delivered", "dropped", "buffered", "found"] + Self.amountHeads]
        for job in destination.jobs {
            let books = destination.books[job] ?? DestinationLedger()
            let open = destination.open[job]
            let dropped = books.dropped.values.reduce(0) { $0 &+ $1 }
            let head = [
                job, "\(books.scraped)", "\(books.delivered)", "\(dropped)", "\(books.buffered)",
                "\(open?.samples ?? 0)",
            ]
            rows.append(head + amount(open))
        }
        return "\n" + head + "\n" + Self.table(rows)
    }

    private static let amountHeads = ["frames", "bytes", "each", "oldest", "age", "newest"]

    private func amount(_ amount: BufferSurvey.Amount?) -> [String] {
        guard let amount, let oldestMs = amount.oldestMs, let newestMs = amount.newestMs else {
            return ["0", "0", "-", "-", "-", "-"]
        }
        let (ageMs, overflow) = nowMs.subtractingReportingOverflow(oldestMs)
        return [
            "\(amount.frames)", "\(amount.bytes)", Self.ratio(amount.bytes, amount.samples),
            Timestamp.text(ms: oldestMs),
            overflow ? "-" : PrometheusDuration.text(ms: ageMs / 1_000 * 1_000), Timestamp.text(ms: newestMs),
        ]
    }

    private func each(_ bytes: UInt64) -> String { Self.ratio(bytes, survey.density.samples) }

    /// With three decimals.
    private static func ratio(_ bytes: UInt64, _ count: UInt64) -> String {
        guard count > 0 else { return "-" }
        let thousandths = UInt64(min(Double(bytes) / Double(count), 1e12) * 1_000 + 0.5)
        let rest = String(thousandths % 1_000)
        return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }

    /// The first column to the left, the others to the right.
    private static func table(_ rows: [[String]]) -> String {
        let rows = rows.map { row in row.map(VisibleText.shown) }
        var widths = rows[0].map { _ in 0 }
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        var text = ""
        for row in rows {
            for (column, cell) in row.enumerated() {
                let room = String(repeating: " ", count: widths[column] - cell.count)
                text += "  " + (column == 0 ? cell + room : room + cell)
            }
            text += "\n"
        }
        return text
    }

    // MARK: JSON

    /// For both.
    var json: String {
        let density = survey.density
        let parts = BufferDensity.Part.allCases.map { part in
            JSONValue.object([
                "part": .string(part.name), "bytes": .integer(density[part]),
                "bytesPerSample": density.perSample(density[part]).map { .double($0) },
            ])
        }
        let modes = BufferDensity.Mode.allCases.map { mode in
            let column = density[mode]
            return JSONValue.object([
                "mode": .string(mode.name), "chunks": .integer(column.chunks),
                "values": .integer(column.values), "bytes": .integer(column.bytes),
                "bitmapBytes": .integer(column.bitmapBytes), "codeBytes": .integer(column.codeBytes),
            ])
        }
        let segments = survey.segments.map { segment in
            JSONValue.object([
                "number": .integer(segment.number), "version": segment.version.map { .integer($0) },
                "createdMs": segment.createdMs.map { .integer($0) }, "fileBytes": .integer(segment.bytes),
                "held": segment.held.json,
            ])
        }
        let known = Set(survey.held.keys).union(survey.scraped.keys)
        let jobs = known.union(survey.lost.keys).union(survey.absent.keys).sorted().map { job in
            JSONValue.object([
                "job": .string(job), "scraped": .integer(survey.scraped[job] ?? 0),
                "held": (survey.held[job] ?? BufferSurvey.Amount()).json,
                "lost": .integer(survey.lost[job] ?? 0), "absent": .integer(survey.absent[job] ?? 0),
            ])
        }
        return JSONValue.object([
            "directory": .string(directory), "nowMs": .integer(nowMs),
            "process": survey.process.map { .integer($0) }, "isDamaged": .bool(survey.isDamaged),
            "isUnreadable": .bool(survey.isUnreadable), "mayHaveLostMore": .bool(survey.mayHaveLostMore),
            "destinations": .array(destinations),
            "jobs": .array(jobs), "segments": .array(segments),
            "density": .object([
                "samples": .integer(density.samples), "bytes": .integer(density.bytes),
                "parts": .array(parts), "columns": .array(modes),
            ]),
            "findings": .array(survey.findings.map(\.json)), "moreFindings": .integer(survey.moreFindings),
        ]).text() + "\n"
    }

    private var destinations: [JSONValue] {
        survey.destinations.map { destination in
            let jobs = destination.jobs.map { job in
                let books = destination.books[job] ?? DestinationLedger()
                let open = destination.open[job] ?? BufferSurvey.Amount()
                return JSONValue.object(books.members(ofJob: job) + [.init("found", open.json)])
            }
            return .object([
                "name": destination.name.map { .string($0) }, "file": .string(destination.file),
                "fileBytes": .integer(destination.bytes),
                "mark": destination.mark.map {
                    .object([
                        "segment": .integer($0.segment), "offset": .integer($0.offset),
                        "sample": .integer($0.sample),
                    ])
                },
                "ranges": .integer(destination.ranges), "requests": .integer(destination.requests),
                "jobs": .array(jobs),
            ])
        }
    }
}

extension BufferSurvey.Destination {
    fileprivate var jobs: [String] { Set(books.keys).union(open.keys).sorted() }
}

extension BufferSurvey.Amount {
    fileprivate var json: JSONValue {
        .object([
            "frames": .integer(frames), "samples": .integer(samples), "bytes": .integer(bytes),
            "oldestMs": oldestMs.map { .integer($0) }, "newestMs": newestMs.map { .integer($0) },
        ])
    }
}
