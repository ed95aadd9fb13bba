import JSON
import Platform

/// What the agent holds in memory, kind by kind, beside what the kernel says that it has.
struct MemoryReport: Sendable, Equatable {
    /// How the bytes of a kind are known.
    enum How: String, Sendable {
        /// Whoever holds them has said so to the memory account.
        case charged
        /// Counted or multiplied out of what is there, without what malloc adds.
        case estimated
        /// Asked of the kernel or of malloc.
        case measured
    }

    struct Row: Sendable, Equatable {
        let kind: String
        let bytes: Int
        /// What the kind may hold; nil without a limit.
        var limitBytes: Int?
        let how: How
    }

    var rows: [Row]
    var resident: ResidentMemory
    var ceiling: MemoryCeiling?
    /// The last step in force against the ceiling; zero for none.
    var step: Int

    /// What is resident and of no kind; below zero where the kinds say more than is resident. It is no kind
    /// of its own, so that what nobody can explain is seen.
    var unaccountedBytes: Int {
        rows.reduce(Int(clamping: resident.totalBytes)) { $0 - $1.bytes }
    }

    /// What `/api/v1/narthex/memory` answers, in the shape of Prometheus' API.
    var json: String {
        let kinds = rows.map { row in
            JSONValue.object([
                "kind": .string(row.kind), "bytes": .integer(row.bytes),
                "limitBytes": row.limitBytes.map { .integer($0) }, "how": .string(row.how.rawValue),
            ])
        }
        return JSONValue.object([
            "status": "success",
            "data": .object([
                "residentBytes": .integer(resident.totalBytes),
                "anonymousBytes": .integer(resident.anonymousBytes),
                // Zero is none, as for the flag.
                "ceilingBytes": .integer(ceiling?.bytes ?? 0),
                "source": .string(ceiling?.source.rawValue ?? "none"), "step": .integer(step),
                "unaccountedBytes": .integer(unaccountedBytes), "kinds": .array(kinds),
            ]),
        ]).text()
    }
}
